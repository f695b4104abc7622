package account

import (
	"context"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
)

// callCount counts calls to WeChat, for the report.
type callCount struct {
	mu sync.Mutex
	n  map[string]int64 // by API
}

// add counts a call, unless WeChat cannot have counted it.
func (c *callCount) add(api string, err error) {
	if err != nil && (wechat.CodeOf(err) == 0 || wechat.ClassOf(err) == wechat.ClassToken) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int64{}
	}
	c.n[api]++
}

func (c *callCount) take() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = nil
	return n
}

const (
	noteCallsEvery  = time.Minute
	noteCallsWithin = 2 * time.Second
)

// noteCalls puts the calls since the last time into the store. What a killed process made
// in its last minute is missing there, and counts as others' in the report.
func (a *Account) noteCalls(ctx context.Context) {
	calls := a.calls.take()
	for _, c := range Channels {
		delete(calls, c.API) // noted with their outcomes
	}
	if len(calls) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteCallsWithin)
	defer cancel()
	if err := a.db.CountCalls(ctx, a.ID, calls); err != nil {
		a.log.WarnContext(ctx, "calls were not noted; the report shows them as others'", "err", err)
	}
}

// KeepCalls notes calls until ctx ends.
func (a *Account) KeepCalls(ctx context.Context) {
	tick := time.NewTicker(noteCallsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.noteCalls(ctx)
		}
	}
}

// called counts a call to WeChat.
func (a *Account) called(api string, took time.Duration, err error) {
	a.calls.add(api, err)
	a.observe(api, took, err)
}

// observe measures a call to WeChat, the account's or a mini program's.
func (a *Account) observe(api string, took time.Duration, err error) {
	if a.metrics != nil {
		a.metrics.Called(a.Name(), api, took, err)
	}
}
