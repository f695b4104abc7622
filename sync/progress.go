package followersync

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// progressCount is shared by the run's goroutines.
type progressCount struct {
	total, largest, listed atomic.Int64 // WeChat's count, the largest it told, the openids listed
	wanted, details        atomic.Int64 // whose details are asked for, and have come
	expected               atomic.Int64 // details that a run as large as the listing will want
	// stored counts the followers at the start; it is counted beside the listing.
	stored func() (wxcast.FollowerCounts, error)
}

func (p *progressCount) begin(ctx context.Context, s *syncer) {
	p.stored = sync.OnceValues(func() (wxcast.FollowerCounts,
		error) {
		return s.store.FollowerCounts(ctx, s.AccountID)
	})
	p.total.Store(s.run.Total)
	p.largest.Store(s.run.Total)
	p.listed.Store(s.run.Listed)
}

func (p *progressCount) listPage(total, openids int64) {
	p.total.Store(total)
	p.largest.Store(max(p.largest.Load(), total))
	p.listed.Add(openids)
}

func (s *syncer) tell() {
	if s.Progress == nil {
		return
	}
	p := &s.done
	whole := int64(0)
	if total := p.total.Load(); total > 0 {
		whole = max(total, p.listed.Load()) + max(p.expected.Load(), p.wanted.Load(), p.details.Load())
	}
	s.Progress(Progress{Done: p.listed.Load() + p.details.Load(), Whole: whole})
}

// pageCount knows up to which page of the listing all details are stored.
type pageCount struct {
	mu   sync.Mutex
	left map[int]int // details that are being fetched, by page
	last int         // the last page that was fed whole
	done int
}

func (c *pageCount) add(page int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == nil {
		c.left = map[int]int{}
	}
	c.left[page]++
}

func (c *pageCount) fed(page int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = page
}

// settle takes off details that have been stored.
func (c *pageCount) settle(pages map[int]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for page, n := range pages {
		if page == 0 {
			continue
		}
		if c.left[page] -= n; c.left[page] == 0 {
			delete(c.left, page)
		}
	}
	for c.done < c.last && c.left[c.done+1] == 0 {
		c.done++
	}
}

// stored is the page up to which all details are stored.
func (c *pageCount) stored() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}
