package cli

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastTestCommand() *cobra.Command {
	var f specFlags
	var to []string
	cmd := &cobra.Command{
		Use:     "test SPEC.yaml --to OPENID[,OPENID…]|testers",
		Example: "  wxcast broadcast test spring-sale.yaml --to oCJUsw9O7spQia91XWy7NQSCS-QE\n  wxcast broadcast test spring-sale.yaml --to testers",
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
			return errors.Join(a.print(map[string]any{"messages": results},
				func(w io.Writer) { a.writeTests(w, results) }), notAllSent(results))
		},
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&to, "to", nil, "")
	return cmd
}

func (a *app) writeTests(w io.Writer, results []account.TestMessage) {
	var rows [][]string
	for _, r := range results {
		if r.Sent {
			rows = append(rows, []string{r.OpenID, a.lang.T("state.sent"), "msgid " + r.MsgID})
		} else {
			rows = append(rows, []string{r.OpenID, a.lang.T("test.not_sent"), r.ErrMsg})
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
	return wxcast.NewError("test.not_all", "n", failed, "of", len(results))
}
