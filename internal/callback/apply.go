package callback

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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
	if some, err := i.Store.PendingEvents(ctx, a.ID, 1); err != nil || len(some) == 0 {
		return false, err
	}
	ours, _, err := i.Store.TryLock(ctx, lock, i.Worker, applyLease)
	if err != nil || !ours {
		return false, err
	}
	return i.applySome(ctx, a)
}

// applySome applies the next events, and tells whether there may be more.
func (i *Intake) applySome(ctx context.Context, a Account) (more bool, err error) {
	events, err := i.Store.PendingEvents(ctx, a.ID, applyMax)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var receipts []wxcast.Receipt
	var stopped []string
	latest := map[wxcast.OpenID]wxcast.CallbackEvent{} // of those that came or left
	ids := make([]int64, len(events))
	for n, e := range events {
		ids[n] = e.ID
		switch {
		case e.Kind == a.Channel.Receipt:
			receipts = append(receipts, wxcast.Receipt{
				OpenID: e.OpenID, MsgID: e.MsgID, Status: e.Status, At: e.CreatedAt,
				Blocked: slices.Contains(a.Channel.ReceiptBlocked, e.Status),
			})
		case e.Kind == "subscribe", e.Kind == "unsubscribe":
			if !e.CreatedAt.Before(latest[e.OpenID].CreatedAt) {
				latest[e.OpenID] = e
			}
		case i.Stop.has(e.Kind, e.Content):
			stopped = append(stopped, string(e.OpenID))
		}
	}
	if len(receipts) > 0 {
		if err := i.Store.RecordReceipts(ctx, a.ID, wxcast.Lane{AppID: a.ID, API: a.Channel.API},
			receipts); err != nil {
			return false, err
		}
	}
	if err := i.follow(ctx, a, latest); err != nil {
		return false, err
	}
	if len(stopped) > 0 {
		if _, _, err := i.Store.AddOptOuts(ctx, a.ID, stopped, "message"); err != nil {
			return false, err
		}
	}
	return len(events) == applyMax, i.Store.EventsApplied(ctx, a.ID, ids)
}

// follow brings those who came or left to the state in which WeChat says they are now: what
// it tells of them comes late, twice and out of order. Where it cannot be asked, what it told
// counts, as of then.
func (i *Intake) follow(ctx context.Context, a Account, latest map[wxcast.OpenID]wxcast.CallbackEvent) error {
	moved := slices.Sorted(maps.Keys(latest))
	for some := range slices.Chunk(moved, detailsMax) {
		asked := i.Store.Now()
		followers, err := i.details(ctx, a, some)
		if err != nil {
			return err
		}
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
