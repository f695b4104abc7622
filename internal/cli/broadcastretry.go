package cli

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
)

func (a *app) broadcastRateCommand() *cobra.Command {
	var priority int
	cmd := &cobra.Command{
		Use:   "rate ID MESSAGES",
		Short: "Change how fast a broadcast goes, also while it runs",
		Long: `Change a broadcast's messages per second. Its workers, wherever they run, keep to the
new rate within a second.

With --priority it also overtakes, or lets pass, the account's other broadcasts.`,
		Example: "  wxcast broadcast rate 3 20\n  wxcast broadcast rate 3 100 --priority 10",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			rate, err := strconv.ParseFloat(args[1], 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is no number of messages per second", args[1])}
			}
			id, err := broadcastID(args[0])
			if err != nil {
				return err
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			steering := account.Steering{Rate: &rate}
			if cmd.Flags().Changed("priority") {
				steering.Priority = &priority
			}
			b, err := of.SteerBroadcast(asked(cmd), id, steering)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"id": b.ID, "rate": b.Rate, "priority": b.Priority}, func(w io.Writer) {
				fmt.Fprintf(w, "Broadcast %d (%s) goes at %v messages a second, with priority %d.\n", b.ID, b.Name, b.Rate, b.Priority)
			})
		},
	}
	cmd.Flags().IntVar(&priority, "priority", 0, "higher ones go first, -100 to 100")
	return cmd
}

func (a *app) broadcastRetryCommand() *cobra.Command {
	var only []int
	var yes, wait bool
	cmd := &cobra.Command{
		Use:   "retry ID",
		Short: "Send to those again to whom a broadcast's message failed",
		Long: `Make a new broadcast of the recipients that WeChat refused, with the same message and
their own values, and run it. Who got it in an earlier retry is left out. Messages
whose outcome is unknown are not among them: those people may have it.`,
		Example: "  wxcast broadcast retry 3\n  wxcast broadcast retry 3 --only 43101,45011",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := broadcastID(args[0])
			if err != nil {
				return err
			}
			ctx := asked(cmd)
			of, err := a.openCallingAccount(ctx)
			if err != nil {
				return err
			}
			defer of.CloseAll()
			sent, err := of.RunRetry(ctx, id, only, a.sending(a.asker(yes), wait))
			return a.printSent(sent, err)
		},
	}
	cmd.Flags().IntSliceVar(&only, "only", nil, "only those that failed with one of these `ERRCODES`")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before a large broadcast")
	cmd.Flags().BoolVar(&wait, "wait", false, "stay and go on by itself after quiet hours and spent quotas")
	return cmd
}
