package callback

import (
	"context"
	"fmt"
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
	var came, left []wxcast.OpenID
	for openid, e := range latest {
		if e.Kind == "subscribe" {
			came = append(came, openid)
		} else {
			left = append(left, openid)
		}
	}
	if len(receipts) > 0 {
		if err := i.Store.RecordReceipts(ctx, a.ID, wxcast.Lane{AppID: a.ID, API: a.Channel.API},
			receipts); err != nil {
			return false, err
		}
	}
	if len(left) > 0 {
		if _, err := i.Store.Unfollow(ctx, a.ID, left); err != nil {
			return false, err
		}
	}
	if err := i.welcome(ctx, a, came); err != nil {
		return false, err
	}
	if len(stopped) > 0 {
		if _, _, err := i.Store.AddOptOuts(ctx, a.ID, stopped, "message"); err != nil {
			return false, err
		}
	}
	return len(events) == applyMax, i.Store.EventsApplied(ctx, a.ID, ids)
}

// welcome asks WeChat who those are that came, and stores them with their unionids.
func (i *Intake) welcome(ctx context.Context, a Account, came []wxcast.OpenID) error {
	if a.Source == nil {
		return nil // the nightly sync will ask
	}
	for len(came) > 0 {
		some := came[:min(detailsMax, len(came))]
		came = came[len(some):]
		followers, _, err := a.Source.BatchGetUsers(ctx, some)
		switch class := wechat.ClassOf(err); {
		case class == wechat.ClassRetryLater, class == wechat.ClassRetryNow:
			return fmt.Errorf("ask WeChat about %d new followers: %w", len(some), err)
		case err != nil: // trying again at once would not help
			i.Log.WarnContext(ctx, "WeChat did not tell who new followers are; the next sync will ask", "account",
				a.Name, "followers", len(some), "err", err)
			continue
		}
		var here []wxcast.Follower
		for _, f := range followers {
			if f.Subscribed { // else they left again
				here = append(here, f)
			}
		}
		if len(here) > 0 {
			if err := i.Store.Follow(ctx, a.ID, here); err != nil {
				return err
			}
		}
	}
	return nil
}
