package followersync

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// writeTogether is how many followers are being written at a time, in as many
	// transactions as the store can use. The larger one is, the less the pages of
	// the indexes are written again and again; but with those that wait for it, a
	// kill repeats the calls of about one page.
	writeTogether = 5000
	writeEvery    = time.Second
	// writeTimeout bounds the last write of a run that is being stopped.
	writeTimeout = 30 * time.Second
)

// write stores results in large transactions. What has arrived is written even
// when the run is being stopped. When a write fails, no more details are fetched.
func (s *syncer) write(ctx context.Context, results <-chan fetched, stopFetching func()) error {
	full := make(chan pendingWrite)
	g, writing := errgroup.WithContext(context.WithoutCancel(ctx))
	for range s.store.Writers() {
		g.Go(func() error {
			for pending := range full {
				if err := s.storeBatch(writing, pending); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.gather(results, func(pending pendingWrite) error {
		err := give(writing, full, pending)
		if err != nil {
			stopFetching()
		}
		return err
	})
	close(full)
	if err := g.Wait(); err != nil {
		return err
	}
	// Each write records what those before it have stored; this is for the last.
	return s.storeBatch(context.WithoutCancel(ctx), newPendingWrite())
}

// gather fills transactions with results and hands them on, until there are no more
// results; after an error of hand it lets the rest pass, so that the workers end.
func (s *syncer) gather(results <-chan fetched, hand func(pendingWrite) error) {
	pending := newPendingWrite()
	failed := false
	flush := func() {
		if !pending.empty() && !failed {
			failed = hand(pending) != nil
		}
		pending = newPendingWrite()
	}
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case r, more := <-results:
			if !more {
				flush()
				return
			}
			pending.add(r)
			s.done.details.Add(int64(len(r.followers)))
			s.tell()
			if pending.size() >= writeTogether/s.store.Writers() {
				flush()
			}
		case <-tick.C:
			flush()
		}
	}
}

// storeBatch writes one transaction.
func (s *syncer) storeBatch(ctx context.Context, p pendingWrite) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	p.progress.Fetched = s.pages.stored()
	if _, err := s.store.StoreFollowers(ctx, s.run, p.told, p.progress); err != nil {
		return err
	}
	s.stillFollow.Add(p.stillFollow)
	s.pages.settle(p.pages)
	return nil
}

// pendingWrite gathers answers until they are written, each openid once.
type pendingWrite struct {
	told        wxcast.Told
	seen        map[wxcast.OpenID]struct{}
	pages       map[int]int // how many answers belong to a page
	stillFollow int64
	progress    wxcast.SyncProgress
}

func newPendingWrite() pendingWrite {
	return pendingWrite{
		seen: map[wxcast.OpenID]struct{}{}, pages: map[int]int{},
	}
}

func (p *pendingWrite) add(r fetched) {
	p.progress.DetailCalls += int64(r.calls.Batch)
	p.progress.SingleCalls += int64(r.calls.Single)
	p.progress.Asked += int64(len(r.refs))
	if len(r.followers) > 0 && (p.told.AskedAt.IsZero() || r.asked.Before(p.told.AskedAt)) {
		p.told.AskedAt = r.asked
	}
	for _, ref := range r.unread {
		p.pages[ref.Page]++
	}
	for _, f := range r.followers {
		ref := r.refs[f.OpenID]
		p.pages[ref.Page]++
		if _, twice := p.seen[f.OpenID]; twice { // a person whom the listing names twice
			continue
		}
		p.seen[f.OpenID] = struct{}{}
		switch {
		case !f.Subscribed:
			p.told.Gone = append(p.told.Gone, f.OpenID) // left between the listing and now, or before
			continue
		case ref.Missing:
			p.stillFollow++
		}
		p.told.Followers = append(p.told.Followers, f)
		if ref.Known {
			p.progress.Updated++
		} else {
			p.progress.New++
		}
	}
}

func (p *pendingWrite) size() int   { return len(p.told.Followers) + len(p.told.Gone) }
func (p *pendingWrite) empty() bool { return p.size() == 0 && p.progress.DetailCalls == 0 }
