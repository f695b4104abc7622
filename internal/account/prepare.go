package account

import (
	"context"
	"strings"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Asker is who asks for a broadcast.
type Asker struct {
	// Say tells them something beside the result.
	Say func(wxcast.Sentence)
	// Confirm asks for a yes before a large broadcast; nil where nobody is there to ask,
	// or has said yes.
	Confirm func(question wxcast.Sentence) error
	// Watches tells that they wait for numbers; a program does not.
	Watches bool
}

// tellRules tells WeChat's rules with the first broadcast of an account. Source: "Template
// Message Interface" of the official account's documentation, read 2026-11-20.
func (a *Account) tellRules(ctx context.Context, who Asker) error {
	earlier, err := a.db.HasBroadcasts(ctx, a.ID)
	if err == nil && !earlier {
		who.Say(wxcast.Say("broadcast.rules"))
	}
	return err
}

// find checks a spec against WeChat and finds its broadcast, or makes it. recipients is how
// many a new one has, where they were counted; 0 else.
func (a *Account) find(ctx context.Context, s Spec, begin broadcast.Begin, who Asker) (b wxcast.Broadcast,
	checked checkedSpec, recipients int64, err error) {
	if checked, err = a.check(ctx, s); err != nil {
		return b, checked, 0, err
	}
	begin.AccountID, begin.MiniID, begin.Rate = a.ID, checked.miniID, a.sendOptions(s).Rate
	begin.Channels, begin.Files = a.channels(checked), filesOf(checked)
	b, found, err := broadcast.Find(ctx, a.db, s.Spec, begin, func() (audience wxcast.Audience, err error) {
		audience, recipients, err = a.prepare(ctx, checked, who)
		return audience, err
	})
	if err == nil && found {
		tellFound(who, b)
	}
	return b, checked, recipients, err
}

func tellFound(who Asker, b wxcast.Broadcast) {
	code := "broadcast.continuing"
	switch b.State {
	case wxcast.BroadcastDone, wxcast.BroadcastCancelled:
		code = "broadcast.over_already"
	case wxcast.BroadcastDraft, wxcast.BroadcastScheduled:
		code = "broadcast.beginning"
	}
	who.Say(wxcast.Say(code, "id", b.ID, "name", b.Name, "state", State(b.State), "at", b.CreatedAt))
}

// prepare finds out whom a new broadcast goes to, looks at every value of theirs, and
// asks for a yes where that is called for.
func (a *Account) prepare(ctx context.Context, checked checkedSpec, who Asker) (wxcast.Audience, int64, error) {
	audience, err := a.resolve(ctx, checked)
	if err != nil {
		return audience, 0, err
	}
	writers, err := a.writers(checked)
	if err != nil {
		return audience, 0, err
	}
	found, err := spec.Check(ctx, a.db, writers,
		masking(ctx, spec.Preflighting{Spec: checked.Spec.Spec, AccountID: a.ID, Audience: audience}))
	if err != nil {
		return audience, 0, err
	}
	if found.Bad > 0 && checked.OnBadValue == spec.SkipBadValue {
		who.Say(wxcast.Say("broadcast.left_out", "n", found.Bad, "of", found.Recipients))
	}
	if err := a.tellRules(ctx, who); err != nil {
		return audience, 0, err
	}
	recipients, err := a.confirm(ctx, checked.Name, audience, who)
	return audience, recipients, err
}

// resolve finds whom a spec goes to. Who got something so long ago that it is not kept any
// more cannot be left out.
func (a *Account) resolve(ctx context.Context, checked checkedSpec) (wxcast.Audience, error) {
	now, kept := a.db.Now(), a.cfg.Retention.Deliveries
	audience, err := checked.Resolve(ctx, a.db, a.ID, checked.miniID, now)
	checked.reach(&audience, a.ID)
	audience.Holdout, audience.Track = checked.Holdout, checked.Track
	since := audience.NotMessagedSince
	if err == nil && kept > 0 && !since.IsZero() && since.Before(now.Add(-kept)) {
		return audience, checked.Bad("audience.not_messaged", wxcast.Say("spec.not_kept_so_long"),
			wxcast.Say("spec.want_kept", "days", int64(kept/(24*time.Hour))))
	}
	return audience, err
}

// confirm asks for a yes before a large new broadcast, and refuses one to nobody. It returns
// how many recipients there are, where it counted them.
func (a *Account) confirm(ctx context.Context, name string, audience wxcast.Audience, who Asker) (recipients int64,
	err error) {
	if !who.Watches { // need not wait for a number either
		if some, err := a.db.Followers(ctx, a.ID, audience, "", 1); err != nil || len(some) > 0 {
			return 0, err
		}
	}
	n, err := a.db.CountAudience(ctx, a.ID, audience)
	if err != nil {
		return 0, err
	}
	if n.Recipients == 0 {
		if len(n.Out) > 0 && n.Followers > 0 {
			last := n.Out[len(n.Out)-1]
			return 0, &wxcast.BadInput{
				Problem: wxcast.Say("broadcast.nobody", "followers", n.Followers, "n", last.N, "reason",
					OutReason(last.Reason)),
				Want: wxcast.Say("broadcast.want_preview"),
			}
		}
		return 0, &wxcast.BadInput{Problem: wxcast.Say("broadcast.nobody_bridged"),
			Want: wxcast.Say("broadcast.want_join")}
	}
	if who.Confirm == nil || n.Recipients <= a.cfg.Broadcast.ConfirmAbove {
		return n.Recipients, nil
	}
	return n.Recipients, who.Confirm(wxcast.Say("broadcast.confirm", "name", name, "n", n.Recipients))
}

// State is a broadcast's or a delivery's state as a sentence.
func State[T ~string](state T) wxcast.Sentence { return wxcast.Say("state." + string(state)) }

// OutReason is why people are not in an audience, as a sentence.
func OutReason(reason string) wxcast.Sentence {
	return wxcast.Say("out." + strings.ReplaceAll(reason, " ", "_"))
}
