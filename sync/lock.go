package followersync

import (
	"context"
	"log/slog"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	lockTTL   = 3 * time.Second
	lockRenew = 750 * time.Millisecond
	lockPoll  = 250 * time.Millisecond
)

// locker is the part of the store that keeps two syncs of one account apart.
type locker interface {
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	RenewLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, error)
	Unlock(ctx context.Context, name, holder string) error
}

// LockedError: another sync of this account is at work.
type LockedError struct{ By wxcast.LockHolder }

func (e *LockedError) Error() string { return e.Sentence().String() }

// Sentence is who holds it, and since when.
func (e *LockedError) Sentence() wxcast.Sentence {
	return wxcast.Say("sync.locked", "holder", e.By.Holder, "since", e.By.Since)
}

// errLockLost: the database was away for so long that another process took the lock.
var errLockLost = wxcast.NewError("sync.lock_lost")

// holdLock takes the lock and keeps it until release. A holder that renews its
// lock is alive, and we are refused; one that does not is dead, and we wait until
// its lock lapses. The returned context ends if the lock is lost.
func holdLock(ctx context.Context, store locker, name string, log *slog.Logger) (context.Context, func(), error) {
	holder := wxcast.NewWorkerName()
	var first wxcast.LockHolder
	for {
		taken, by, err := store.TryLock(ctx, name, holder, lockTTL)
		if err != nil {
			return nil, nil, err
		}
		if taken {
			break
		}
		switch {
		case first.Holder != by.Holder:
			first = by
			log.InfoContext(ctx, "another sync holds this account; waiting to see whether it is alive", "holder",
				by.Holder, "since", by.Since)
		case by.Until.After(first.Until):
			return nil, nil, &LockedError{By: by}
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
	held, lose := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-held.Done():
				return
			case <-time.After(lockRenew):
			}
			if ok, err := store.RenewLock(held, name, holder, lockTTL); err == nil && !ok {
				lose(errLockLost)
				return
			}
		}
	}()
	release := func() {
		lose(nil)
		<-stopped
		_ = store.Unlock(context.WithoutCancel(ctx), name, holder) // else it lapses by itself
	}
	return held, release, nil
}
