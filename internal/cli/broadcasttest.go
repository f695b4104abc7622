package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) broadcastTestCommand() *cobra.Command {
	var f specFlags
	var to []string
	cmd := &cobra.Command{
		Use:   "test SPEC.yaml --to OPENID[,OPENID…]",
		Short: "Send a broadcast's message to a few people, to look at it on a phone",
		Long: `Send the spec's message, with each person's own values, to a few followers of yours.
It is no part of the broadcast: they get that, too; but for a minute WeChat takes the
same text to the same person for a repeat, and the broadcast tries them again then.
Each test message takes one of the day's quota.`,
		Example: "  wxcast broadcast test spring-sale.yaml --to oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.loadSpec(cmd, args[0], f)
			if err != nil {
				return err
			}
			of, err := a.openCallingAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			results, err := of.TestBroadcast(asked(cmd), spec, to)
			if err != nil {
				return err
			}
			return errors.Join(a.print(map[string]any{"messages": results}, func(w io.Writer) { writeTests(w, results) }), notAllSent(results))
		},
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&to, "to", nil, "`OPENIDS` of followers")
	return cmd
}

func writeTests(w io.Writer, results []account.TestMessage) {
	var rows [][]string
	for _, r := range results {
		if r.Sent {
			rows = append(rows, []string{r.OpenID, "sent", "msgid " + r.MsgID})
		} else {
			rows = append(rows, []string{r.OpenID, "not sent", r.ErrMsg})
		}
	}
	table.Write(w, "", rows...)
}

func notAllSent(results []account.TestMessage) error {
	failed := 0
	for _, r := range results {
		if !r.Sent {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d test messages were not sent", failed, len(results))
}
