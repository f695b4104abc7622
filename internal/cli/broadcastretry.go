package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
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
			if err := checkRate("MESSAGES", rate); err != nil {
				return err
			}
			if priority < -100 || priority > 100 {
				return usageError{fmt.Errorf("--priority: %d is not a number from -100 to 100", priority)}
			}
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openSession)
			if err != nil {
				return err
			}
			defer s.Close()
			steering := api.Steering{Rate: &rate}
			if cmd.Flags().Changed("priority") {
				steering.Priority = &priority
			}
			if b, err = s.steer(cmd.Context(), b.ID, steering); err != nil {
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

// steer changes a broadcast's rate or priority.
func (s *session) steer(ctx context.Context, id int64, to api.Steering) (wxcast.Broadcast, error) {
	b, err := s.broadcast(ctx, id)
	if err != nil {
		return b, err
	}
	if b.State.Final() {
		return b, api.Conflict(fmt.Sprintf("broadcast %d is %s: it has come to its end", b.ID, b.State))
	}
	if to.Rate != nil {
		b.Rate = *to.Rate
	}
	if to.Priority != nil {
		b.Priority = *to.Priority
	}
	return b, s.db.SetRate(ctx, b.ID, b.Rate, b.Priority)
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
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openCallingSession)
			if err != nil {
				return err
			}
			defer s.Close()
			spec, err := storedSpec(cmd.Context(), s, b)
			if err != nil {
				return err
			}
			retry, err := s.makeRetry(cmd.Context(), b, only, a.asker(yes))
			if err != nil {
				return err
			}
			a.say("Retrying as broadcast %d (%s).", retry.ID, retry.Name)
			o := s.sendOptions(spec.Spec)
			o.Rate = 0 // as the first one's
			return a.runBroadcast(cmd.Context(), s, retry, spec, o, wait)
		},
	}
	cmd.Flags().IntSliceVar(&only, "only", nil, "only those that failed with one of these `ERRCODES`")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before a large broadcast")
	cmd.Flags().BoolVar(&wait, "wait", false, "stay and go on by itself after quiet hours and spent quotas")
	return cmd
}

// makeRetry makes the next retry of a broadcast.
func (s *session) makeRetry(ctx context.Context, b wxcast.Broadcast, only []int, who asker) (wxcast.Broadcast, error) {
	if !b.State.Final() {
		return b, api.Conflict(fmt.Sprintf("broadcast %d is %s; let it end or cancel it, then retry", b.ID, b.State))
	}
	audience := wxcast.Audience{MiniID: b.MiniID, Retry: &wxcast.RetryOf{BroadcastID: b.ID, ErrCodes: only}}
	name := ""
	for n := 1; ; n++ {
		name = fmt.Sprintf("%s-retry-%d", b.Name, n)
		earlier, err := s.db.BroadcastsByName(ctx, s.accountID, name)
		if err != nil {
			return b, err
		}
		if len(earlier) == 0 {
			break
		}
		for _, e := range earlier {
			if !e.State.Final() {
				return b, api.Conflict(fmt.Sprintf("broadcast %d (%s) is a retry that has not ended: wxcast broadcast resume %d goes on with it", e.ID, e.Name, e.ID))
			}
			audience.NotOfBroadcasts = append(audience.NotOfBroadcasts, e.ID)
		}
	}
	n, err := s.db.CountAudience(ctx, s.accountID, audience)
	if err != nil {
		return b, err
	}
	if n.Recipients == 0 {
		tally, err := report.OfBroadcast(ctx, s.db, b)
		if err != nil {
			return b, err
		}
		return b, api.Conflict(fmt.Sprintf("broadcast %d has nobody to retry: %d failed, of whom none follows still, has that errcode and got no retry", b.ID, tally.Failed))
	}
	if err := s.confirmBroadcast(ctx, name, audience, who); err != nil {
		return b, err
	}
	retry, added, err := s.db.AddBroadcast(ctx, wxcast.Broadcast{
		AccountID: b.AccountID, MiniID: b.MiniID, Name: name, ContentHash: b.ContentHash, Spec: b.Spec, Audience: audience,
		MessageKey: broadcast.NewMessageKey(), State: wxcast.BroadcastRunning, Rate: b.Rate, Priority: b.Priority,
	})
	if err == nil && !added {
		err = fmt.Errorf("another process has just made %s; look at wxcast broadcast list", name)
	}
	return retry, err
}
