package followersync

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// fetched is one batch's answer.
type fetched struct {
	refs      map[wxcast.OpenID]wxcast.FollowerRef
	followers []wxcast.Follower
	unread    []wxcast.FollowerRef // what WeChat tells of them cannot be read
	asked     time.Time            // by the store's clock
	calls     wechat.DetailCalls
}

// fetch asks for the details of all refs that the feed yields, in full batches,
// several at a time, and writes the answers. A batch that fails does not hold up
// the others: for a fault of its own they all go on; for one that will meet them
// all, such as a spent quota, no new ones begin and those under way are finished.
func (s *syncer) fetch(ctx context.Context, feed func(yield yieldRef) error) error {
	batches := make(chan []wxcast.FollowerRef)
	results := make(chan fetched, 10)
	var failed, fatal atomic.Pointer[error]

	g, ctx := errgroup.WithContext(ctx)
	going, stop := context.WithCancel(ctx)
	defer stop()
	g.Go(func() error {
		defer close(batches)
		if err := s.feedBatches(going, feed, batches); ctx.Err() != nil || going.Err() == nil {
			return err
		}
		return nil // stopped by a fatal error, which follows
	})
	g.Go(func() error {
		defer close(results)
		var workers sync.WaitGroup
		for range s.Concurrency {
			workers.Go(func() {
				for batch := range batches {
					result, err := s.fetchBatch(ctx, going, batch)
					if err != nil && result.calls != (wechat.DetailCalls{}) {
						results <- fetched{calls: result.calls} // they were made
					}
					switch {
					case err == nil:
						results <- result
					case wechat.ClassOf(err) == wechat.ClassRetryLater && ctx.Err() == nil:
						failed.CompareAndSwap(nil, &err)
					default:
						fatal.CompareAndSwap(nil, &err)
						stop()
					}
				}
			})
		}
		workers.Wait()
		return nil
	})
	g.Go(func() error { return s.write(ctx, results, stop) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := fatal.Load(); err != nil {
		return *err
	}
	if err := failed.Load(); err != nil {
		return wxcast.NewError("sync.details_missing", "why", *err).Of(*err)
	}
	return nil
}

func (s *syncer) feedBatches(ctx context.Context, feed func(yield yieldRef) error,
	batches chan<- []wxcast.FollowerRef) error {
	batch := make([]wxcast.FollowerRef, 0, wechat.BatchSizeMax)
	in := make(map[wxcast.OpenID]struct{}, wechat.BatchSizeMax) // a listing may name a person twice
	send := func() error {
		select {
		case batches <- batch:
			batch = make([]wxcast.FollowerRef, 0, wechat.BatchSizeMax)
			clear(in)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := feed(func(ref wxcast.FollowerRef) error {
		if _, twice := in[ref.OpenID]; twice {
			s.pages.settle(map[int]int{ref.Page: 1})
			return nil
		}
		in[ref.OpenID] = struct{}{}
		if batch = append(batch, ref); len(batch) < wechat.BatchSizeMax {
			return nil
		}
		return send()
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return send()
}

func (s *syncer) fetchBatch(ctx, going context.Context, batch []wxcast.FollowerRef) (fetched, error) {
	result := fetched{refs: make(map[wxcast.OpenID]wxcast.FollowerRef, len(batch))}
	openids := make([]wxcast.OpenID, len(batch))
	for i, ref := range batch {
		openids[i] = ref.OpenID
		result.refs[ref.OpenID] = ref
	}
	followers, err := retry(going, s, func() ([]wxcast.Follower, error) {
		result.asked = s.store.Now()
		followers, calls, err := s.source.BatchGetUsers(ctx, openids)
		result.calls.Batch += calls.Batch
		result.calls.Single += calls.Single
		return followers, err
	})
	switch {
	case wechat.Unreadable(err) && len(batch) == 1:
		s.Log.WarnContext(ctx, "what WeChat tells of a follower cannot be read; they are left as they are", "openid",
			openids[0], "err", err)
		result.unread = batch
		return result, nil
	case wechat.Unreadable(err):
		return s.fetchHalves(ctx, going, batch, result.calls)
	case err != nil:
		return fetched{calls: result.calls}, fmt.Errorf("fetch details of %d followers: %w", len(batch), err)
	}
	result.followers = followers
	return result, nil
}

// fetchHalves asks for the two halves of a batch of which WeChat's answer could not be read:
// what breaks it is in one of them, and is found in the end.
func (s *syncer) fetchHalves(ctx, going context.Context, batch []wxcast.FollowerRef,
	calls wechat.DetailCalls) (fetched, error) {
	whole := fetched{refs: make(map[wxcast.OpenID]wxcast.FollowerRef, len(batch)), calls: calls}
	for _, half := range [][]wxcast.FollowerRef{batch[:len(batch)/2], batch[len(batch)/2:]} {
		part, err := s.fetchBatch(ctx, going, half)
		whole.calls = whole.calls.Plus(part.calls)
		if err != nil {
			return whole, err
		}
		if whole.asked.IsZero() {
			whole.asked = part.asked
		}
		maps.Copy(whole.refs, part.refs)
		whole.followers, whole.unread = append(whole.followers, part.followers...), append(whole.unread, part.unread...)
	}
	return whole, nil
}
