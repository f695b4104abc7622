package cli

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) webhookCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhook"}
	cmd.AddCommand(a.webhookListCommand(), a.webhookResumeCommand(), a.webhookTestCommand())
	return cmd
}

func (a *app) webhookListCommand() *cobra.Command {
	type list struct {
		Webhooks []account.Webhook `json:"webhooks"`
	}
	return &cobra.Command{
		Use: "list", Example: "  wxcast webhook list", Args: cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			all, err := of.Webhooks(ctx)
			if err != nil {
				return err
			}
			return a.print(list{all}, func(w io.Writer) { a.writeWebhooks(w, all) })
		}),
	}
}

func (a *app) writeWebhooks(w io.Writer, all []account.Webhook) {
	if len(all) == 0 {
		a.line(w, "webhook.none_configured")
		return
	}
	rows := [][]string{a.heads("name", "state", "cursor", "behind", "tries", "why")}
	for _, one := range all {
		tries := ""
		if one.Tries > 0 {
			tries = strconv.Itoa(one.Tries)
		}
		rows = append(rows, []string{one.Name, a.lang.T("webhook.state_" + one.State), one.Cursor, count(one.Behind),
			tries, one.Why})
	}
	table.Write(w, "", rows...)
}

func (a *app) webhookResumeCommand() *cobra.Command {
	var after string
	cmd := &cobra.Command{
		Use:     "resume NAME",
		Example: "  wxcast webhook resume crm\n  wxcast webhook resume crm --after 1042",
		Args:    cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			one, err := of.ResumeWebhook(ctx, args[0], after)
			if err != nil {
				return err
			}
			return a.print(one, func(w io.Writer) { a.writeWebhooks(w, []account.Webhook{one}) })
		}),
	}
	cmd.Flags().StringVar(&after, "after", "", "")
	return cmd
}

func (a *app) webhookTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Example: "  wxcast webhook test crm", Args: cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			out, err := of.TestWebhook(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(out, func(w io.Writer) {
				a.line(w, "webhook.taken", "name", out.Name, "ms", out.Milliseconds)
			})
		}),
	}
}
