package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastRateCommand() *cobra.Command {
	var priority int
	cmd := &cobra.Command{
		Use:     "rate ID MESSAGES",
		Example: "  wxcast broadcast rate 3 20\n  wxcast broadcast rate 3 100 --priority 10",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			rate, err := strconv.ParseFloat(args[1], 64)
			if err != nil {
				return badFlag("MESSAGES", wxcast.Say("input.no_rate", "value", args[1]))
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
				a.line(w, "broadcast.goes_at", "id", b.ID, "name", b.Name, "rate", b.Rate, "priority", b.Priority)
			})
		},
	}
	cmd.Flags().IntVar(&priority, "priority", 0, "")
	return cmd
}

func (a *app) broadcastRetryCommand() *cobra.Command {
	var only []int
	var yes, wait bool
	cmd := &cobra.Command{
		Use:     "retry ID",
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
	cmd.Flags().IntSliceVar(&only, "only", nil, "")
	cmd.Flags().BoolVar(&yes, "yes", false, "")
	cmd.Flags().BoolVar(&wait, "wait", false, "")
	return cmd
}
