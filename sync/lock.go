package followersync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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

func (e *LockedError) Error() string {
	return fmt.Sprintf("another sync of this account is at work: %s since %s (Beijing)", e.By.Holder, e.By.Since.In(wxcast.Beijing).Format(time.DateTime))
}

var errLockLost = errors.New("the account's sync lock was lost to another process: the database was away for too long")

// holdLock takes the lock and keeps it until release. A holder that renews its
// lock is alive, and we are refused; one that does not is dead, and we wait until
// its lock lapses. The returned context ends if the lock is lost.
func holdLock(ctx context.Context, store locker, name string, log *slog.Logger) (context.Context, func(), error) {
	host, _ := os.Hostname()
	holder := fmt.Sprintf("%s, process %d, %d", host, os.Getpid(), time.Now().UnixNano()%1e6)
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
			log.InfoContext(ctx, "another sync holds this account; waiting to see whether it is alive", "holder", by.Holder, "since", by.Since)
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
