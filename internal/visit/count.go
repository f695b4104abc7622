package visit

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Store keeps visits.
type Store interface {
	VisitKey(ctx context.Context, accountID int64) ([]byte, error)
	RecipientsOf(ctx context.Context, accountID, miniID int64, who wxcast.MiniOpenID) ([]wxcast.Recipient, error)
	AddVisit(ctx context.Context, accountID int64, v wxcast.Visit) (counted bool, err error)
}

// Came is that a mini user came with a mark, as Read has read it.
type Came struct {
	AccountID, MiniID int64
	Who               wxcast.MiniOpenID
	Of                Of
	To                func(key []byte, recipient string) bool
	At                time.Time
	Scene             int
}

// Count counts that somebody came by a message: the mark must be that of a message to them, by
// any of their ids. Only then is anything kept.
func Count(ctx context.Context, store Store, c Came) (counted bool, err error) {
	key, err := store.VisitKey(ctx, c.AccountID)
	if err != nil {
		return false, err
	}
	ids, err := store.RecipientsOf(ctx, c.AccountID, c.MiniID, c.Who)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if c.To(key, string(id)) {
			return store.AddVisit(ctx, c.AccountID, wxcast.Visit{BroadcastID: c.Of.Broadcast, Message: c.Of.Message,
				Recipient: id, MiniOpenID: c.Who, At: c.At, Scene: c.Scene})
		}
	}
	return false, nil
}
