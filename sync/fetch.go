package followersync

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// writeBatch is how many followers are written in one transaction: a commit
	// costs a disk flush, and a kill repeats at most the calls of one such batch.
	writeBatch = 2000
	writeEvery = time.Second
	// writeTimeout bounds the last write of a run that is being stopped.
	writeTimeout = 10 * time.Second
)

// fetched is one batch's answer.
type fetched struct {
	refs      map[wxcast.OpenID]bool // known before?
	followers []wxcast.Follower
	calls     wechat.DetailCalls
}

// fetch asks for the details of all refs that the feed yields, in full batches,
// several at a time, and writes the answers. A batch that fails does not hold up
// the others: for a fault of its own they all go on; for one that will meet them
// all, such as a spent quota, no new ones begin and those under way are finished.
func (s *syncer) fetch(ctx context.Context, feed func(yield func(wxcast.FollowerRef) error) error) error {
	batches := make(chan []wxcast.FollowerRef)
	results := make(chan fetched, s.Concurrency)
	var failed, fatal atomic.Pointer[error]

	g, ctx := errgroup.WithContext(ctx)
	going, stop := context.WithCancel(ctx)
	defer stop()
	g.Go(func() error {
		defer close(batches)
		if err := feedBatches(going, feed, batches); ctx.Err() != nil || going.Err() == nil {
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
	g.Go(func() error { return s.write(ctx, results) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := fatal.Load(); err != nil {
		return *err
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("some details could not be fetched, run the sync again: %w", *err)
	}
	return nil
}

func feedBatches(ctx context.Context, feed func(yield func(wxcast.FollowerRef) error) error, batches chan<- []wxcast.FollowerRef) error {
	batch := make([]wxcast.FollowerRef, 0, wechat.BatchSizeMax)
	send := func() error {
		select {
		case batches <- batch:
			batch = make([]wxcast.FollowerRef, 0, wechat.BatchSizeMax)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := feed(func(ref wxcast.FollowerRef) error {
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
	result := fetched{refs: make(map[wxcast.OpenID]bool, len(batch))}
	openids := make([]wxcast.OpenID, len(batch))
	for i, ref := range batch {
		openids[i] = ref.OpenID
		result.refs[ref.OpenID] = ref.Known
	}
	followers, err := retry(going, s, func() ([]wxcast.Follower, error) {
		followers, calls, err := s.source.BatchGetUsers(ctx, openids)
		result.calls.Batch += calls.Batch
		result.calls.Single += calls.Single
		return followers, err
	})
	if err != nil {
		return fetched{}, fmt.Errorf("fetch details of %d followers: %w", len(batch), err)
	}
	result.followers = followers
	return result, nil
}

// write stores results in large transactions. What has arrived is written even
// when the run is being stopped.
func (s *syncer) write(ctx context.Context, results <-chan fetched) error {
	var pending pendingWrite
	flush := func() error {
		if pending.empty() {
			return nil
		}
		wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		if _, err := s.store.StoreFollowers(wctx, s.run, pending.followers, pending.gone, pending.progress); err != nil {
			return err
		}
		pending = pendingWrite{}
		return nil
	}
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case r, more := <-results:
			if !more {
				return flush()
			}
			pending.add(r)
			s.done.details.Add(int64(len(r.followers)))
			s.tell()
			if pending.size() < writeBatch {
				continue
			}
		case <-tick.C:
		}
		if err := flush(); err != nil {
			for range results { // let the workers end
			}
			return err
		}
	}
}

// pendingWrite gathers answers until they are written.
type pendingWrite struct {
	followers []wxcast.Follower
	gone      []wxcast.OpenID
	progress  wxcast.SyncProgress
}

func (p *pendingWrite) add(r fetched) {
	p.progress.DetailCalls += int64(r.calls.Batch)
	p.progress.SingleCalls += int64(r.calls.Single)
	for _, f := range r.followers {
		switch known := r.refs[f.OpenID]; {
		case !f.Subscribed:
			p.gone = append(p.gone, f.OpenID) // left between the listing and now, or before
		case known:
			p.followers = append(p.followers, f)
			p.progress.Updated++
		default:
			p.followers = append(p.followers, f)
			p.progress.New++
		}
	}
}

func (p *pendingWrite) size() int   { return len(p.followers) + len(p.gone) }
func (p *pendingWrite) empty() bool { return p.size() == 0 && p.progress.DetailCalls == 0 }

// progressCount is shared by the run's goroutines.
type progressCount struct{ total, listed, details atomic.Int64 }

func (s *syncer) tell() {
	if s.Progress != nil {
		s.Progress(Progress{Total: s.done.total.Load(), Listed: s.done.listed.Load(), Details: s.done.details.Load()})
	}
}
