package callback

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	applyMax   = 1000
	applyEvery = time.Second
	// applyLease is how long one process is the only one that applies events. It is shorter
	// than a worker's lease: receipts are there when a dead process's messages are due again.
	// Two that apply the same do no harm.
	applyLease = 4 * time.Second
	// detailsMax is how many followers one batchget tells about.
	detailsMax = 100
)

// apply does what events ask for, in one process at a time, until ctx ends. Doing it
// twice changes nothing, so an event is marked after it was applied.
func (i *Intake) apply(ctx context.Context, a Account, news <-chan struct{}) {
	lock := fmt.Sprintf("events:%d", a.ID)
	defer func() { _ = i.Store.Unlock(context.WithoutCancel(ctx), lock, i.Worker) }()
	tick := time.NewTicker(applyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			i.endForged(ctx, a)
		case <-news:
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = i.applyLocked(ctx, a, lock); err != nil && ctx.Err() == nil {
				i.Log.ErrorContext(ctx, "events not applied; they will be tried again", "account", a.Name, "err", err)
			}
		}
	}
}

// applyLocked applies the next events, if there are some and no other process does.
func (i *Intake) applyLocked(ctx context.Context, a Account, lock string) (more bool, err error) {
	// A look costs nothing; the lock is a write.
	if some, err := i.Store.PendingCallbacks(ctx, a.ID, 1); err != nil || len(some) == 0 {
		return false, err
	}
	ours, _, err := i.Store.TryLock(ctx, lock, i.Worker, applyLease)
	if err != nil || !ours {
		return false, err
	}
	return i.applySome(ctx, a)
}

// applySome applies the next events, and tells whether there may be more. One that cannot be
// applied holds up no other.
func (i *Intake) applySome(ctx context.Context, a Account) (more bool, err error) {
	events, err := i.Store.PendingCallbacks(ctx, a.ID, applyMax)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var receipts, stops, moves, consents, windows, scans []wxcast.CallbackEvent
	for _, e := range events {
		if _, opens := openings[e.Kind]; opens && e.AppID == 0 {
			windows = append(windows, e)
		}
		if e.AppID == 0 && wxcast.MakesTester(e.Key, e.CreatedAt) {
			scans = append(scans, e)
		}
		switch {
		case e.Kind == popupEvent, e.Kind == changeEvent:
			consents = append(consents, e)
		case a.isReceipt(e):
			receipts = append(receipts, e)
		case e.AppID != 0: // a mini program's: nothing else follows from it
		case e.Kind == "subscribe", e.Kind == "unsubscribe":
			moves = append(moves, e)
		case i.Stop.has(e.Kind, e.Content):
			stops = append(stops, e)
		}
	}
	failed := map[int64]error{}
	for _, group := range []struct {
		events []wxcast.CallbackEvent
		apply  func(context.Context, Account, []wxcast.CallbackEvent) error
	}{{receipts, i.receive}, {windows, i.openWindows}, {stops, i.stop}, {moves, i.follow}, {consents, i.consent},
		{scans, i.addTesters}} {
		if err := i.applyGroup(ctx, a, group.events, group.apply, failed); err != nil {
			return false, err
		}
	}
	applied := make([]int64, 0, len(events))
	later := map[int][]int64{} // by how often they were tried
	for _, e := range events {
		switch why := failed[e.ID]; {
		case why == nil:
			applied = append(applied, e.ID)
		case e.Tries+1 < triesMax:
			i.Log.WarnContext(ctx, "an event is not applied; it will be tried again", "account", a.Name, "event", e.ID,
				"kind", e.Kind, "err", why)
			later[e.Tries] = append(later[e.Tries], e.ID)
		default:
			if err := i.setAside(ctx, a, e, why); err != nil {
				return false, err
			}
		}
	}
	for tries, ids := range later {
		if err := i.Store.DeferCallbacks(ctx, a.ID, ids, min(triesFirst<<tries, triesLast)); err != nil {
			return false, err
		}
	}
	return len(events) == applyMax, i.Store.CallbacksApplied(ctx, a.ID, applied)
}

// applyGroup applies events of a kind, together and else one by one, and notes those that
// cannot be. An error is that the store does not answer.
func (i *Intake) applyGroup(ctx context.Context, a Account, events []wxcast.CallbackEvent,
	apply func(context.Context, Account, []wxcast.CallbackEvent) error, failed map[int64]error) error {
	if len(events) == 0 {
		return nil
	}
	all := apply(ctx, a, events)
	if all == nil {
		return nil
	}
	if _, err := i.Store.PendingCallbacks(ctx, a.ID, 1); err != nil || ctx.Err() != nil {
		return all // the store is away: it is nobody's fault
	}
	var theirs *wechat.Error
	for _, e := range events {
		err := all
		if len(events) > 1 && (!errors.As(all, &theirs) || theirs.Unreadable) { // WeChat would say the same of each
			err = apply(ctx, a, []wxcast.CallbackEvent{e})
		}
		if err != nil {
			failed[e.ID] = err
		}
	}
	return nil
}

const (
	// triesMax is how often an event is tried that cannot be applied; with waits of triesFirst,
	// doubled each time up to triesLast, that takes more than an hour.
	triesMax   = 16
	triesFirst = time.Second
	triesLast  = 10 * time.Minute
	asideKey   = "callbacks:aside"
)

// setAside gives an event up, and tells people.
func (i *Intake) setAside(ctx context.Context, a Account, e wxcast.CallbackEvent, why error) error {
	i.Log.ErrorContext(ctx, "an event is set aside: it cannot be applied",
		"account", a.Name, "event", e.ID, "kind", e.Kind,
		"err", why)
	if err := i.Store.RaiseNotice(ctx, a.ID, wxcast.Notice{
		Key: asideKey, Kind: wxcast.NoticeAlert,
		Title: wxcast.Say("alert.title", "account", a.Name, "what", wxcast.Say("alert.aside")),
		Body:  wxcast.Say("alert.aside_body", "kind", e.Kind, "id", e.ID, "why", why),
	}); err != nil {
		return err
	}
	return i.Store.SetCallbackAside(ctx, a.ID, e.ID, foreign.Text(why.Error(), whyMax))
}

// whyMax bounds what is kept of an error.
const whyMax = 1000

// stop puts on the opt-out list who asked for that.
func (i *Intake) stop(ctx context.Context, a Account, events []wxcast.CallbackEvent) error {
	ids := make([]string, len(events))
	for n, e := range events {
		ids[n] = string(e.OpenID)
	}
	_, _, err := i.Store.AddOptOuts(ctx, a.ID, ids, "message")
	return err
}

// addTesters makes testers of who scanned the QR code for it.
func (i *Intake) addTesters(ctx context.Context, a Account, events []wxcast.CallbackEvent) error {
	openids := make([]wxcast.OpenID, len(events))
	for n, e := range events {
		openids[n] = e.OpenID
	}
	_, err := i.Store.AddTesters(ctx, a.ID, openids, "scan")
	return err
}

// follow brings those who came or left to the state in which WeChat says they are now: what
// it tells of them comes late, twice and out of order. Where it cannot be asked, what it told
// counts, as of then.
func (i *Intake) follow(ctx context.Context, a Account, events []wxcast.CallbackEvent) error {
	latest := map[wxcast.OpenID]wxcast.CallbackEvent{}
	for _, e := range events {
		if !e.CreatedAt.Before(latest[e.OpenID].CreatedAt) {
			latest[e.OpenID] = e
		}
	}
	moved := slices.Sorted(maps.Keys(latest))
	for some := range slices.Chunk(moved, detailsMax) {
		asked := i.Store.Now()
		followers, err := i.details(ctx, a, some)
		if err != nil && latest[some[0]].Tries+1 < triesMax {
			return err
		} // else what was told counts
		var here []wxcast.Follower
		var gone []wxcast.OpenID
		for _, f := range followers {
			if f.Subscribed {
				here = append(here, f)
			} else {
				gone = append(gone, f.OpenID)
			}
		}
		if len(here) > 0 {
			if err := i.Store.Follow(ctx, a.ID, here, asked); err != nil {
				return err
			}
		}
		if len(gone) > 0 {
			if _, err := i.Store.Unfollow(ctx, a.ID, gone, asked); err != nil {
				return err
			}
		}
		if followers != nil {
			continue
		}
		for _, openid := range some {
			if e := latest[openid]; e.Kind == "unsubscribe" {
				if _, err := i.Store.Unfollow(ctx, a.ID, []wxcast.OpenID{openid}, e.CreatedAt); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// details asks WeChat about people; nil where it does not tell, and the next sync will ask.
func (i *Intake) details(ctx context.Context, a Account, openids []wxcast.OpenID) ([]wxcast.Follower, error) {
	if a.Source == nil {
		return nil, nil
	}
	followers, _, err := a.Source.BatchGetUsers(ctx, openids)
	switch class := wechat.ClassOf(err); {
	case class == wechat.ClassRetryLater, class == wechat.ClassRetryNow:
		return nil, fmt.Errorf("ask WeChat about %d people who came or left: %w", len(openids), err)
	case err != nil: // trying again at once would not help
		i.Log.WarnContext(ctx, "WeChat did not tell who came or left; the next sync will ask", "account", a.Name,
			"people", len(openids), "err", err)
		return nil, nil
	}
	return followers, nil
}
