package cli

import (
	"context"
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
		Use: "broadcast",
	}
	cmd.AddCommand(
		a.broadcastPreviewCommand(), a.broadcastTestCommand(), a.broadcastRunCommand(), a.broadcastCreateCommand(),
		a.broadcastStatusCommand(), a.broadcastListCommand(), a.broadcastExportCommand(), a.broadcastRateCommand(),
		a.broadcastRetryCommand(),
		a.broadcastMoveCommand("pause", (*account.Account).PauseBroadcast),
		a.broadcastMoveCommand("release", (*account.Account).ReleaseCanary),
		a.broadcastCancelCommand(), a.broadcastScheduleCommand(),
		a.broadcastGoOnCommand("start", wxcast.BroadcastDraft, wxcast.BroadcastScheduled),
		a.broadcastGoOnCommand("resume", wxcast.BroadcastPaused, wxcast.BroadcastWaiting, wxcast.BroadcastRunning),
	)
	return cmd
}

func (a *app) broadcastListCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "list",
		Args: cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			summaries, err := of.Broadcasts(ctx)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"broadcasts": summaries}, func(w io.Writer) {
				rows := [][]string{a.heads("id", "name", "state", "recipients", "sent", "failed", "unknown", "pending")}
				for _, s := range summaries {
					rows = append(rows, []string{strconv.FormatInt(s.ID, 10), s.Name,
						a.lang.Say(account.State(s.State)), count(s.Recipients), count(s.Sent), count(s.Failed),
						count(s.Unknown), count(s.Pending)})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
}

// broadcastMoveCommand moves a stored broadcast to another state, as move does.
func (a *app) broadcastMoveCommand(name string, move func(*account.Account, context.Context, int64) (report.Broadcast,
	error)) *cobra.Command {
	return &cobra.Command{
		Use:     name + " ID",
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
			return a.print(map[string]any{"id": moved.ID, "state": moved.State}, func(w io.Writer) {
				a.line(w, "broadcast.is", "id", moved.ID, "name", moved.Name, "state", account.State(moved.State))
			})
		}),
	}
}

func (a *app) broadcastCancelCommand() *cobra.Command {
	var why string
	cmd := a.broadcastMoveCommand("cancel", func(of *account.Account, ctx context.Context, id int64) (report.Broadcast,
		error) {
		return of.CancelBroadcast(ctx, id, why)
	})
	cmd.Flags().StringVar(&why, "reason", "", "")
	return cmd
}

func (a *app) broadcastScheduleCommand() *cobra.Command {
	var at string
	cmd := a.broadcastMoveCommand("schedule", func(of *account.Account, ctx context.Context,
		id int64) (report.Broadcast,
		error) {
		return of.ScheduleBroadcast(ctx, id, at)
	})
	cmd.Example = `  wxcast broadcast schedule 3 --at "2026-11-30 10:00"`
	cmd.Flags().StringVar(&at, "at", "", "")
	return cmd
}

// broadcastID reads a broadcast's ID.
func broadcastID(arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return 0, usageError{wxcast.NewError("broadcast.no_id", "value", arg)}
	}
	return id, nil
}
