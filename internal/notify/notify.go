package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	tellEvery   = 5 * time.Second
	tellTimeout = 10 * time.Second
	// tellLease is how long one process is the only one that tells.
	tellLease = time.Minute
	tellMax   = 20
	// tellRest is the wait after nobody could be told.
	tellRest = time.Minute
)

// Store keeps what is to be told.
type Store interface {
	Now() time.Time
	PendingNotices(ctx context.Context, accountID int64, limit int) ([]wxcast.Notice, error)
	TellingEnd(ctx context.Context, n wxcast.Notice) error
	NoticeTold(ctx context.Context, n wxcast.Notice) error
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	Unlock(ctx context.Context, name, holder string) error
}

// Teller tells an account's notices, in one process at a time.
type Teller struct {
	Store     Store
	Robots    []Robot
	AccountID int64
	Account   string // its name
	Worker    string // unique to this process
	Log       *slog.Logger
}

// Run tells until ctx ends.
func (t *Teller) Run(ctx context.Context) {
	if len(t.Robots) == 0 {
		return
	}
	lock := fmt.Sprintf("notices:%d", t.AccountID)
	client := &http.Client{Timeout: tellTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer func() { _ = t.Store.Unlock(context.WithoutCancel(ctx), lock, t.Worker) }()
	for wait := tellEvery; ; wait = tellEvery {
		err := t.tellLocked(ctx, client, lock)
		if err != nil {
			wait = tellRest
		}
		if err != nil && ctx.Err() == nil {
			t.Log.ErrorContext(ctx, "notices not told; they will be tried again", "account", t.Account, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// tellLocked tells what is to be told, if there is something and no other process does.
func (t *Teller) tellLocked(ctx context.Context, client *http.Client, lock string) error {
	// A look costs nothing; the lock is a write.
	if some, err := t.Store.PendingNotices(ctx, t.AccountID, 1); err != nil || len(some) == 0 {
		return err
	}
	ours, _, err := t.Store.TryLock(ctx, lock, t.Worker, tellLease)
	if err != nil || !ours {
		return err
	}
	return t.tellAll(ctx, client)
}

func (t *Teller) tellAll(ctx context.Context, client *http.Client) error {
	notices, err := t.Store.PendingNotices(ctx, t.AccountID, tellMax)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if !n.OverAt.IsZero() {
			if err := t.Store.TellingEnd(ctx, n); err != nil {
				return err
			}
		}
		if err := t.tell(ctx, client, n); err != nil {
			return err
		}
		if err := t.Store.NoticeTold(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// tell tells all robots. It is told when one of them took it: the others are named in the
// log, and nobody hears it twice.
func (t *Teller) tell(ctx context.Context, client *http.Client, n wxcast.Notice) (failed error) {
	told := false
	for _, r := range t.Robots {
		if err := r.Tell(ctx, client, n, t.Account, t.Store.Now()); err != nil {
			t.Log.WarnContext(ctx, "a robot did not take a notice", "notice", n.Key, "err", err)
			failed = err
			continue
		}
		told = true
	}
	if told {
		return nil
	}
	return failed
}
