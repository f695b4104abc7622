package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastStatusCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:     "status ID",
		Example: "  wxcast broadcast status 3\n  wxcast broadcast status 3 --json\n  wxcast broadcast status 3 --watch",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := broadcastID(args[0])
			if err != nil {
				return err
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			summary, err := of.Broadcast(cmd.Context(), id)
			if err == nil && watch {
				summary, err = a.watchBroadcast(cmd.Context(), of, summary)
			}
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) { a.writeBroadcast(w, summary) })
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "")
	return cmd
}

const watchEvery = time.Second

// watchBroadcast shows a broadcast's progress until it no longer runs.
func (a *app) watchBroadcast(ctx context.Context, of *account.Account, b report.Broadcast) (report.Broadcast, error) {
	bar := a.progress(b.Name)
	bar.every = 0 // as often as we look
	defer bar.end()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		summary, whole, err := of.BroadcastProgress(ctx, b.ID)
		if err != nil || summary.State != wxcast.BroadcastRunning {
			return summary, err
		}
		bar.set(summary.Recipients-summary.Pending, whole)
		select {
		case <-ctx.Done():
			return summary, ctx.Err()
		case <-tick.C:
		}
	}
}

func (a *app) writeBroadcast(w io.Writer, b report.Broadcast) {
	code := "broadcast.is"
	if b.Reason != "" {
		code = "broadcast.is_because"
	}
	a.line(w, code, "id", b.ID, "name", b.Name, "state", account.State(b.State), "reason", b.Why(a.lang))
	rows := [][]string{
		{"  " + a.lang.T("count.recipients"), count(b.Recipients), ""},
		{"  " + a.lang.T("count.sent"), count(b.Sent), share(b.Sent, b.Recipients)},
	}
	for _, part := range []struct {
		name string
		n    int64
	}{{"delivered", b.Delivered}, {"undelivered", b.Undelivered}, {"failed", b.Failed}, {"skipped",
		b.Skipped}, {"unknown", b.Unknown}, {"pending", b.Pending}} {
		if part.n > 0 {
			rows = append(rows, []string{"  " + a.lang.T("count."+part.name), count(part.n),
				share(part.n, b.Recipients)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.ByErrCode)) {
		meaning := ""
		if code, err := strconv.Atoi(name); err == nil {
			if e, ok := wechat.Explain(code); ok {
				meaning = e.Meaning.In(string(a.lang))
			}
		}
		rows = append(rows, []string{"    " + a.lang.Say(report.CodeSentence(name)), count(b.ByErrCode[name]), meaning})
	}
	table.Write(w, "", rows...)
	if len(b.ByChannel) > 1 {
		for _, line := range b.Funnel(a.lang) {
			fmt.Fprintln(w, "  "+line)
		}
	}
	for _, line := range b.Results.Says(a.lang, b.Sent) {
		fmt.Fprintln(w, "  "+line)
	}
}
