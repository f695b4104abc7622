package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "broadcast",
		Short: "Send template messages to the bridged followers",
		Long: `Send one template message to each bridged follower: at the asked rate, inside the
day's quota, and so that a crash skips no one and repeats no one.

WeChat allows template messages as service notices that people asked for. Sending
marketing risks the template and the account.`,
	}
	cmd.AddCommand(
		a.broadcastPreviewCommand(), a.broadcastTestCommand(), a.broadcastRunCommand(), a.broadcastCreateCommand(),
		a.broadcastStatusCommand(), a.broadcastListCommand(), a.broadcastExportCommand(), a.broadcastRateCommand(), a.broadcastRetryCommand(),
		a.broadcastMoveCommand("pause", "Pause a running broadcast", (*account.Account).PauseBroadcast),
		a.broadcastMoveCommand("cancel", "End a broadcast; who has no message yet gets none", (*account.Account).CancelBroadcast),
		a.broadcastGoOnCommand("start", "Begin a broadcast that was created before", wxcast.BroadcastDraft, wxcast.BroadcastScheduled),
		a.broadcastGoOnCommand("resume", "Go on with a paused or waiting broadcast", wxcast.BroadcastPaused, wxcast.BroadcastWaiting, wxcast.BroadcastRunning),
	)
	return cmd
}

func (a *app) broadcastListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the account's broadcasts, the latest first",
		Args:  cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			summaries, err := of.Broadcasts(ctx)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"broadcasts": summaries}, func(w io.Writer) {
				rows := [][]string{{"ID", "NAME", "STATE", "RECIPIENTS", "SENT", "FAILED", "UNKNOWN", "PENDING"}}
				for _, s := range summaries {
					rows = append(rows, []string{strconv.FormatInt(s.ID, 10), s.Name, string(s.State), count(s.Recipients), count(s.Sent), count(s.Failed), count(s.Unknown), count(s.Pending)})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
}

// broadcastMoveCommand moves a stored broadcast to another state, as move does.
func (a *app) broadcastMoveCommand(name, short string, move func(*account.Account, context.Context, int64) (report.Broadcast, error)) *cobra.Command {
	return &cobra.Command{
		Use:     name + " ID",
		Short:   short,
		Example: "  wxcast broadcast " + name + " 3",
		Args:    cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			id, err := broadcastID(args[0])
			if err != nil {
				return err
			}
			moved, err := move(of, ctx, id)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"id": moved.ID, "state": moved.State}, func(w io.Writer) { fmt.Fprintf(w, "Broadcast %d (%s) is %s.\n", moved.ID, moved.Name, moved.State) })
		}),
	}
}

// broadcastID reads a broadcast's ID.
func broadcastID(arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return 0, usageError{fmt.Errorf("%q is no broadcast's ID; wxcast broadcast list shows them", arg)}
	}
	return id, nil
}
