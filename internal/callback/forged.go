package callback

import (
	"context"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// forgedMax refused signatures within forgedWithin are no accident: the Token or the
	// EncodingAESKey is another than in the console, or somebody tries.
	forgedMax    = 20
	forgedWithin = time.Minute
	// forgedOver is how long there must be none for the alert to end.
	forgedOver = 10 * time.Minute
	forgedKey  = "callbacks:forged"
)

// forged counts an account's callbacks with wrong signatures.
type forged struct {
	mu    sync.Mutex
	since time.Time
	last  time.Time
	n     int
	told  bool
}

// see counts one, and tells whether there are so many now that people must be told.
func (f *forged) see(now time.Time) (tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.since) > forgedWithin {
		f.since, f.n = now, 0
	}
	f.last = now
	f.n++
	tell = f.n >= forgedMax && !f.told
	f.told = f.told || tell
	return tell
}

// over tells, once, that there were none for long.
func (f *forged) over(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	over := f.told && now.Sub(f.last) > forgedOver
	f.told = f.told && !over
	return over
}

// sawForged counts a callback with a wrong signature, and tells people of many.
func (i *Intake) sawForged(ctx context.Context, a Account) {
	if !i.forged[a.Name].see(i.Store.Now()) {
		return
	}
	err := i.Store.RaiseNotice(context.WithoutCancel(ctx), a.ID, wxcast.Notice{
		Key: forgedKey, Kind: wxcast.NoticeAlert,
		Title: wxcast.Say("alert.title", "account", a.Name, "what", wxcast.Say("alert.forged")),
		Body:  wxcast.Say("alert.forged_body", "n", forgedMax, "account", a.Name),
	})
	if err != nil {
		i.Log.ErrorContext(ctx, "an alert was not kept", "account", a.Name, "err", err)
	}
}

// endForged ends the alert when there were none for long.
func (i *Intake) endForged(ctx context.Context, a Account) {
	if !i.forged[a.Name].over(i.Store.Now()) {
		return
	}
	if err := i.Store.EndAlert(ctx, a.ID, forgedKey); err != nil {
		i.Log.ErrorContext(ctx, "an alert was not ended", "account", a.Name, "err", err)
	}
}
