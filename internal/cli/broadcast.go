package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

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
		a.broadcastMoveCommand("pause", "Pause a running broadcast", (*session).PauseBroadcast),
		a.broadcastMoveCommand("cancel", "End a broadcast; who has no message yet gets none", (*session).CancelBroadcast),
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
		RunE: a.withSession(func(ctx context.Context, s *session, _ []string) error {
			summaries, err := s.Broadcasts(ctx)
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
func (a *app) broadcastMoveCommand(name, short string, move func(*session, context.Context, int64) (report.Broadcast, error)) *cobra.Command {
	return &cobra.Command{
		Use:     name + " ID",
		Short:   short,
		Example: "  wxcast broadcast " + name + " 3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openSession)
			if err != nil {
				return err
			}
			defer s.Close()
			moved, err := move(s, cmd.Context(), b.ID)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"id": moved.ID, "state": moved.State}, func(w io.Writer) { fmt.Fprintf(w, "Broadcast %d (%s) is %s.\n", moved.ID, moved.Name, moved.State) })
		},
	}
}

// openBroadcast opens a session and finds the account's broadcast with that ID.
func (a *app) openBroadcast(ctx context.Context, arg string, open func(context.Context) (*session, error)) (*session, wxcast.Broadcast, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return nil, wxcast.Broadcast{}, usageError{fmt.Errorf("%q is no broadcast's ID; wxcast broadcast list shows them", arg)}
	}
	s, err := open(ctx)
	if err != nil {
		return nil, wxcast.Broadcast{}, err
	}
	b, err := s.broadcast(ctx, id)
	if err != nil {
		s.Close()
		return nil, b, err
	}
	return s, b, nil
}
