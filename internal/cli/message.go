package cli

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) messageCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "message"}
	cmd.AddCommand(
		a.messageOf("show ID", "  wxcast message show 17", (*account.Account).Message),
		a.messageOf("cancel ID", "  wxcast message cancel 17", (*account.Account).CancelMessage),
	)
	return cmd
}

// messageOf is a command about one message, which it shows then.
func (a *app) messageOf(use, example string,
	do func(*account.Account, context.Context, int64) (account.Message, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Example: example, Args: cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError{wxcast.NewError("message.not_an_id", "value", args[0])}
			}
			m, err := do(of, ctx, id)
			if err != nil {
				return err
			}
			return a.print(m, func(w io.Writer) { a.writeMessage(w, m) })
		}),
	}
}
