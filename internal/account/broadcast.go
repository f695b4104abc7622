package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// broadcast finds one of the account's broadcasts.
func (a *Account) broadcast(ctx context.Context, id int64) (wxcast.Broadcast, error) {
	b, err := a.db.Broadcast(ctx, wxcast.BroadcastRef{AccountID: a.ID, ID: id})
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("account.no_broadcast", "account", a.Name(), "id", id)
	}
	return b, err
}

// stillThere says so when a broadcast's deliveries were removed.
func stillThere(b wxcast.Broadcast) error {
	if b.EmptiedAt.IsZero() {
		return nil
	}
	return conflict("broadcast.emptied", "id", b.ID, "at", b.EmptiedAt)
}

// Broadcasts are all of the account's, the latest first; not those that hold single messages.
func (a *Account) Broadcasts(ctx context.Context) ([]report.Broadcast, error) {
	// Until tomorrow: one that was made before the clock was set back is there, too.
	all, err := a.db.BroadcastsAtWork(ctx, a.ID, time.Time{}, a.db.Now().AddDate(0, 0, 1))
	if err != nil {
		return nil, err
	}
	summaries := []report.Broadcast{}
	for _, b := range all {
		if b.OfMessages() {
			continue
		}
		one, err := report.OfBroadcast(ctx, a.db, b)
		if err != nil {
			return nil, err
		}
		summaries = append(summaries, one)
	}
	return summaries, nil
}

// Broadcast shows how one stands, counted from its deliveries.
func (a *Account) Broadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	summary, _, err := a.BroadcastProgress(ctx, id)
	return summary, err
}

// BroadcastProgress shows how one stands, and how many recipients it has in all; 0 while they
// are being fixed.
func (a *Account) BroadcastProgress(ctx context.Context, id int64) (summary report.Broadcast, whole int64, err error) {
	b, err := a.broadcast(ctx, id)
	if err != nil {
		return summary, 0, err
	}
	if summary, err = report.OfBroadcast(ctx, a.db, b); err == nil && b.Fixed {
		whole = summary.Recipients
	}
	return summary, whole, err
}

// Begin is how a new broadcast begins: at once, at a Beijing time, or, as a draft, not.
type Begin struct {
	Draft bool
	At    string // such as "2026-11-30 10:00"; "" for at once

	makers []string // the users who wrote it, where users did
}

func (a *Account) begin(b Begin) (begin broadcast.Begin, err error) {
	switch {
	case b.Draft && b.At != "":
		return begin, &wxcast.BadInput{Key: "draft", Problem: wxcast.Say("broadcast.draft_and_at"),
			Want: wxcast.Say("broadcast.want_draft_or_at")}
	case b.Draft:
		return broadcast.Begin{State: wxcast.BroadcastDraft, Makers: b.makers}, nil
	case b.At == "":
		return broadcast.Begin{State: wxcast.BroadcastRunning}, nil
	}
	begin.State = wxcast.BroadcastScheduled
	if begin.At, err = spec.ParseTime(b.At); err != nil {
		return begin, &wxcast.BadInput{Key: "at", Problem: wxcast.Say("input.time", "value", b.At),
			Want: wxcast.Say("input.want_time")}
	}
	if begin.At.Before(a.db.Now()) {
		return begin, &wxcast.BadInput{Key: "at", Problem: wxcast.Say("input.time_over", "value", b.At),
			Want: wxcast.Say("input.want_later")}
	}
	return begin, nil
}

// CreateBroadcast checks a spec and stores its broadcast, or finds the one that it made
// before. The processes of wxcast serve begin it when its time comes. Audited.
func (a *Account) CreateBroadcast(ctx context.Context, s Spec, at Begin, who Asker) (report.Broadcast, error) {
	return audited(ctx, a, "create-broadcast", s.Name, func(e *entry) (report.Broadcast, error) {
		begin, err := a.begin(at)
		if err != nil {
			return report.Broadcast{}, err
		}
		b, _, _, err := a.find(ctx, s, begin, who)
		if err != nil {
			return report.Broadcast{}, err
		}
		e.about("broadcast %d (%s)", b.ID, b.Name)
		return report.OfBroadcast(ctx, a.db, b)
	})
}

// steered is a change of a stored broadcast, by its number.
func (a *Account) steered(ctx context.Context, action string, id int64,
	do func(wxcast.Broadcast) (wxcast.Broadcast, error)) (report.Broadcast, error) {
	return audited(ctx, a, action, fmt.Sprintf("broadcast %d", id), func(e *entry) (report.Broadcast, error) {
		b, err := a.broadcast(ctx, id)
		if err != nil {
			return report.Broadcast{}, err
		}
		if b, err = do(b); err != nil {
			return report.Broadcast{}, err
		}
		e.about("broadcast %d (%s)", b.ID, b.Name)
		return report.OfBroadcast(ctx, a.db, b)
	})
}

// move brings a broadcast from one of some states to another.
func (a *Account) move(ctx context.Context, b wxcast.Broadcast, to wxcast.BroadcastState, reason wxcast.Sentence,
	from ...wxcast.BroadcastState) (wxcast.Broadcast, error) {
	if err := mustBe(b, from...); err != nil {
		return b, err
	}
	moved, err := a.db.MoveBroadcast(ctx, b.Ref(), wxcast.Move{From: b.State, To: to, Reason: reason})
	if err != nil {
		return b, err
	}
	if !moved {
		return b, conflict("broadcast.just_changed", "id", b.ID)
	}
	return a.broadcast(ctx, b.ID)
}

// mustBe refuses a broadcast that is in none of these states.
func mustBe(b wxcast.Broadcast, states ...wxcast.BroadcastState) error {
	if slices.Contains(states, b.State) {
		return nil
	}
	wanted := make([]wxcast.Sentence, len(states))
	for i, s := range states {
		wanted[i] = State(s)
	}
	return conflict("broadcast.wrong_state", "id", b.ID, "state", State(b.State), "wanted", wanted)
}

// PauseBroadcast stops a broadcast until it is resumed. Audited.
func (a *Account) PauseBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return a.steered(ctx, "pause-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		return a.move(ctx, b, wxcast.BroadcastPaused, wxcast.Say("pause.by_hand"), wxcast.BroadcastRunning,
			wxcast.BroadcastWaiting, wxcast.BroadcastScheduled)
	})
}

// CancelBroadcast ends a broadcast: who has no message yet gets none. why is what people are told
// of it; "" for nothing. Audited.
func (a *Account) CancelBroadcast(ctx context.Context, id int64, why string) (report.Broadcast, error) {
	reason := wxcast.Say("pause.by_hand")
	if why = foreign.Text(why, reasonMost); why != "" {
		reason = wxcast.Say("pause.by_hand_why", "why", why)
	}
	return a.steered(ctx, "cancel-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		if b.OfMessages() {
			return b, conflict("broadcast.of_messages", "id", b.ID, "name", b.Name)
		}
		return a.move(ctx, b, wxcast.BroadcastCancelled, reason, wxcast.BroadcastDraft,
			wxcast.BroadcastScheduled,
			wxcast.BroadcastRunning, wxcast.BroadcastWaiting, wxcast.BroadcastPaused)
	})
}

// reasonMost is how many characters of what a person gives as a reason are kept.
const reasonMost = 200

// ScheduleBroadcast lets the processes of wxcast serve begin a draft at a Beijing time, such as
// "2026-11-30 10:00". Audited.
func (a *Account) ScheduleBroadcast(ctx context.Context, id int64, at string) (report.Broadcast, error) {
	return a.steered(ctx, "schedule-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		begin, err := a.begin(Begin{At: at})
		if err == nil && at == "" {
			err = &wxcast.BadInput{Key: "at", Problem: wxcast.Say("input.missing"), Want: wxcast.Say("input.want_time")}
		}
		if err == nil {
			err = mustBe(b, wxcast.BroadcastDraft)
		}
		if err == nil {
			err = a.needApproval(ctx, b)
		}
		if err != nil {
			return b, err
		}
		moved, err := a.db.MoveBroadcast(ctx, b.Ref(), wxcast.Move{From: b.State, To: wxcast.BroadcastScheduled,
			ResumeAt: begin.At})
		if err == nil && !moved {
			err = conflict("broadcast.just_changed", "id", b.ID)
		}
		if err != nil {
			return b, err
		}
		return a.broadcast(ctx, b.ID)
	})
}

// StartBroadcast lets the processes of wxcast serve begin a draft. Audited.
func (a *Account) StartBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return a.steered(ctx, "start-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		if err := mustBe(b, wxcast.BroadcastDraft); err != nil {
			return b, err
		}
		if err := a.needApproval(ctx, b); err != nil {
			return b, err
		}
		return a.move(ctx, b, wxcast.BroadcastRunning, wxcast.Sentence{}, wxcast.BroadcastDraft)
	})
}

// ResumeBroadcast lets the processes of wxcast serve go on with a broadcast. Audited.
func (a *Account) ResumeBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return a.steered(ctx, "resume-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		if b.State == wxcast.BroadcastRunning { // some of its channels may have stopped
			channels, err := a.db.BroadcastChannels(ctx, b.Ref())
			if err != nil {
				return b, err
			}
			if slices.ContainsFunc(channels, func(c wxcast.BroadcastChannel) bool { return c.State != b.State }) {
				return b, a.db.WakeChannels(ctx, b.Ref(), true)
			}
		}
		return a.move(ctx, b, wxcast.BroadcastRunning, wxcast.Sentence{}, wxcast.BroadcastPaused,
			wxcast.BroadcastWaiting)
	})
}

// ReleaseCanary lets all follow a canary that was sent, without waiting for its time. Audited.
func (a *Account) ReleaseCanary(ctx context.Context, id int64) (report.Broadcast, error) {
	return a.steered(ctx, "release-canary", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		if err := mustBe(b, wxcast.BroadcastRunning); err != nil {
			return b, err
		}
		if b.Canary != wxcast.CanaryWaiting {
			return b, conflict("broadcast.no_canary", "id", b.ID)
		}
		moved, err := a.db.MoveCanary(ctx, b.Ref(), wxcast.CanaryMove{From: b.Canary, To: wxcast.CanaryNone,
			State: wxcast.BroadcastRunning})
		if err == nil && !moved {
			err = conflict("broadcast.just_changed", "id", b.ID)
		}
		if err != nil {
			return b, err
		}
		return a.broadcast(ctx, b.ID)
	})
}

// Steering changes a broadcast while it runs; nil leaves as it is.
type Steering struct {
	Rate     *float64 `json:"rate,omitempty" minimum:"0.01" maximum:"100000" doc:"messages per second"`
	Priority *int     `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"higher ones go first"`
}

// Steered is a broadcast whose rate or priority was changed.
type Steered struct {
	report.Broadcast
	Rate     float64
	Priority int
}

// SteerBroadcast changes a broadcast's rate or priority. Its workers, wherever they run, see
// it at their next claim. Audited.
func (a *Account) SteerBroadcast(ctx context.Context, id int64, to Steering) (s Steered, err error) {
	s.Broadcast, err = a.steered(ctx, "steer-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		if b.State.Final() {
			return b, conflict("broadcast.over", "id", b.ID, "state", State(b.State))
		}
		if to.Rate != nil {
			if b.Rate = *to.Rate; CheckRate(b.Rate) != nil {
				return b, CheckRate(b.Rate)
			}
		}
		if to.Priority != nil {
			if b.Priority = *to.Priority; b.Priority < -value.PriorityMax || b.Priority > value.PriorityMax {
				return b, &wxcast.BadInput{Key: "priority",
					Problem: wxcast.Say("input.whole", "value", b.Priority, "low", -value.PriorityMax, "high",
						value.PriorityMax)}
			}
		}
		s.Rate, s.Priority = b.Rate, b.Priority
		return b, a.db.SetRate(ctx, b.Ref(), b.Rate, b.Priority)
	})
	return s, err
}

// RetryBroadcast makes a new broadcast of those whose message WeChat refused, of all or of
// those with one of some errcodes. The processes of wxcast serve send it. Audited.
func (a *Account) RetryBroadcast(ctx context.Context, id int64, only []int, who Asker) (report.Broadcast, error) {
	return a.steered(ctx, "retry-broadcast", id, func(b wxcast.Broadcast) (wxcast.Broadcast, error) {
		return a.retry(ctx, b, only, who)
	})
}

// retry makes the next retry of a broadcast.
func (a *Account) retry(ctx context.Context, b wxcast.Broadcast, only []int, who Asker) (wxcast.Broadcast, error) {
	if b.OfMessages() {
		return b, conflict("broadcast.of_messages", "id", b.ID, "name", b.Name)
	}
	if !b.State.Final() {
		return b, conflict("broadcast.retry_early", "id", b.ID, "state", State(b.State))
	}
	if err := stillThere(b); err != nil {
		return b, err
	}
	audience := wxcast.Audience{MiniID: b.MiniID, MiniUsers: b.Audience.MiniUsers, Reach: b.Audience.Reach,
		Track: b.Audience.Track,
		Retry: &wxcast.RetryOf{BroadcastID: b.ID, ErrCodes: only}}
	name := ""
	for n := 1; ; n++ {
		name = fmt.Sprintf("%s-retry-%d", b.Name, n)
		earlier, err := a.db.BroadcastsByName(ctx, a.ID, name)
		if err != nil {
			return b, err
		}
		if len(earlier) == 0 {
			break
		}
		for _, e := range earlier {
			if !e.State.Final() {
				return b, conflict("broadcast.retry_at_work", "id", e.ID, "name", e.Name)
			}
			audience.NotOfBroadcasts = append(audience.NotOfBroadcasts, e.ID)
		}
	}
	n, err := a.db.CountAudience(ctx, a.ID, audience)
	if err != nil {
		return b, err
	}
	if n.Recipients == 0 {
		tally, err := report.OfBroadcast(ctx, a.db, b)
		if err != nil {
			return b, err
		}
		return b, conflict("broadcast.retry_nobody", "id", b.ID, "failed", tally.Failed)
	}
	if _, err := a.confirm(ctx, name, audience, who); err != nil {
		return b, err
	}
	state, makers := wxcast.BroadcastRunning, []string(nil)
	if byUser(ctx) {
		before, err := a.db.Approval(ctx, b.Ref())
		if err != nil {
			return b, err
		}
		makers = append(before.Makers, maker(ctx))
	}
	if rule := a.cfg.Console.ApproveAbove; byUser(ctx) && rule >= 0 && n.Recipients > rule {
		state = wxcast.BroadcastDraft // another user lets it begin
	}
	channels, err := a.db.BroadcastChannels(ctx, b.Ref())
	if err != nil {
		return b, err
	}
	files, err := a.storedFiles(ctx, b)
	if err != nil {
		return b, err
	}
	retry, added, err := a.db.AddBroadcast(ctx, wxcast.Broadcast{
		Files: files, Makers: makers,
		AccountID: b.AccountID, MiniID: b.MiniID, Channels: channels, Name: name, ContentHash: b.ContentHash,
		Spec: b.Spec, Audience: audience,
		MessageKey: wxcast.NewMessageKey(), State: state, Rate: b.Rate, Priority: b.Priority,
	})
	if err == nil && !added {
		err = conflict("broadcast.retry_just_made", "name", name)
	}
	return retry, err
}
