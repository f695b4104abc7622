package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// broadcast finds one of the account's broadcasts.
func (s *session) broadcast(ctx context.Context, id int64) (wxcast.Broadcast, error) {
	b, err := s.db.Broadcast(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && b.AccountID != s.accountID {
		err = api.NotFound(fmt.Sprintf("account %s has no broadcast %d; wxcast broadcast list shows them", s.account.Name, id))
	}
	return b, err
}

// Broadcasts are all of the account's, the latest first.
func (s *session) Broadcasts(ctx context.Context) ([]report.Broadcast, error) {
	all, err := s.db.BroadcastsAtWork(ctx, s.accountID, time.Time{}, s.db.Now())
	if err != nil {
		return nil, err
	}
	summaries := make([]report.Broadcast, len(all))
	for i, b := range all {
		if summaries[i], err = report.OfBroadcast(ctx, s.db, b); err != nil {
			return nil, err
		}
	}
	return summaries, nil
}

// Broadcast shows how one stands.
func (s *session) Broadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	b, err := s.broadcast(ctx, id)
	if err != nil {
		return report.Broadcast{}, err
	}
	return report.OfBroadcast(ctx, s.db, b)
}

// move brings a broadcast from one of some states to another.
func (s *session) move(ctx context.Context, id int64, to wxcast.BroadcastState, reason string, from ...wxcast.BroadcastState) (report.Broadcast, error) {
	b, err := s.broadcast(ctx, id)
	if err != nil {
		return report.Broadcast{}, err
	}
	if !slices.Contains(from, b.State) {
		return report.Broadcast{}, api.Conflict(fmt.Sprintf("broadcast %d is %s, so it cannot be %s: that takes one that is %s", b.ID, b.State, to, orList(from)))
	}
	moved, err := s.db.MoveBroadcast(ctx, b.ID, b.State, to, reason, time.Time{})
	if err != nil {
		return report.Broadcast{}, err
	}
	if !moved {
		return report.Broadcast{}, api.Conflict(fmt.Sprintf("broadcast %d has just changed its state; look at it again", b.ID))
	}
	return s.Broadcast(ctx, id)
}

// PauseBroadcast stops a broadcast until it is resumed.
func (s *session) PauseBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return s.move(ctx, id, wxcast.BroadcastPaused, "by hand", wxcast.BroadcastRunning, wxcast.BroadcastWaiting, wxcast.BroadcastScheduled)
}

// CancelBroadcast ends a broadcast.
func (s *session) CancelBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return s.move(ctx, id, wxcast.BroadcastCancelled, "by hand",
		wxcast.BroadcastDraft, wxcast.BroadcastScheduled, wxcast.BroadcastRunning, wxcast.BroadcastWaiting, wxcast.BroadcastPaused)
}

// StartBroadcast lets the processes of wxcast serve begin a draft.
func (s *session) StartBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return s.move(ctx, id, wxcast.BroadcastRunning, "", wxcast.BroadcastDraft)
}

// ResumeBroadcast lets the processes of wxcast serve go on with a broadcast.
func (s *session) ResumeBroadcast(ctx context.Context, id int64) (report.Broadcast, error) {
	return s.move(ctx, id, wxcast.BroadcastRunning, "", wxcast.BroadcastPaused, wxcast.BroadcastWaiting)
}
