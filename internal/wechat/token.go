package wechat

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// renewBefore is how long before its end a token is renewed: WeChat hands out
	// the next one in the last five minutes, and both work until then. Source:
	// api_getstableaccesstoken, read 2026-11-20.
	renewBefore = 5 * time.Minute
	// fetchLock bounds how long a process that died while fetching blocks others.
	fetchLock = 15 * time.Second
	fetchPoll = 50 * time.Millisecond
)

// TokenStore is the cache that all processes share, and the lock that lets one
// of them fetch at a time.
type TokenStore interface {
	// Token returns the cached token, or the zero Token.
	Token(ctx context.Context, appid wxcast.AppID) (wxcast.Token, error)
	SaveToken(ctx context.Context, appid wxcast.AppID, t wxcast.Token) error
	TryLock(ctx context.Context, name, holder string, ttl time.Duration) (bool, wxcast.LockHolder, error)
	Unlock(ctx context.Context, name, holder string) error
}

var errSameToken = errors.New("WeChat refuses the token that its source hands out again and again. Another system may be replacing it, or the API's address leads to another account: wxcast doctor tells; then run the same command again")

// tokenSource hands out the app's access token, fetching it at most once at a
// time over all processes.
type tokenSource struct {
	appid  wxcast.AppID
	store  TokenStore
	fetch  func(ctx context.Context, force bool) (wxcast.Token, error)
	holder string
	// overridden is told when a token was refused that should have lived on; may be nil.
	overridden func(ctx context.Context)
	cached     atomic.Pointer[wxcast.Token]
	turn       chan struct{} // one goroutine of this process looks for a new token
}

func newTokenSource(appid wxcast.AppID, store TokenStore,
	fetch func(context.Context, bool) (wxcast.Token, error)) *tokenSource {
	return &tokenSource{
		appid: appid, store: store, fetch: fetch, turn: make(chan struct{}, 1), holder: wxcast.NewWorkerName(),
	}
}

// get returns a token that is not the refused one ("" refuses none). It looks at
// this process's copy, then at the shared cache, and only then asks WeChat.
func (s *tokenSource) get(ctx context.Context, refused string) (wxcast.Token, error) {
	cached := s.cached.Load()
	if usable(cached, refused) {
		return *cached, nil
	}
	if cached != nil && cached.Reveal() == refused { // others wait now, and don't call in vain
		s.cached.CompareAndSwap(cached, nil)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return wxcast.Token{}, ctx.Err()
	}
	if t := s.cached.Load(); usable(t, refused) { // while we waited for our turn
		return *t, nil
	}
	t, err := s.renew(ctx, refused)
	if err != nil {
		return t, err
	}
	s.cached.Store(&t)
	return t, nil
}

// renew takes the shared token if it is new to us, else fetches one under the
// lock that all processes share.
func (s *tokenSource) renew(ctx context.Context, refused string) (wxcast.Token, error) {
	lock := "token:" + string(s.appid)
	for {
		t, err := s.store.Token(ctx, s.appid)
		if err != nil {
			return t, err
		}
		if usable(&t, refused) {
			return t, nil
		}
		taken, _, err := s.store.TryLock(ctx, lock, s.holder, fetchLock)
		if err != nil {
			return t, err
		}
		if taken {
			break
		}
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-time.After(fetchPoll):
		}
	}
	defer func() { _ = s.store.Unlock(context.WithoutCancel(ctx), lock, s.holder) }()
	// Another process may have fetched it between our look and our lock.
	last, err := s.store.Token(ctx, s.appid)
	if err != nil || usable(&last, refused) {
		return last, err
	}
	if refused != "" && last.Reveal() == refused && usable(&last, "") && s.overridden != nil {
		s.overridden(ctx)
	}
	t, err := s.fetch(ctx, false)
	if err == nil && t.Reveal() == refused {
		// Its source still takes it for good: only force helps, which WeChat allows
		// 20 times a day.
		t, err = s.fetch(ctx, true)
	}
	if err != nil {
		return t, err
	}
	if t.Reveal() == refused {
		return t, &Error{Path: "access token", class: ClassConfigStop, Err: errSameToken}
	}
	return t, s.store.SaveToken(ctx, s.appid, t)
}

// usable tells whether a token may be sent: not refused, and not about to end.
func usable(t *wxcast.Token, refused string) bool {
	if t == nil || t.Reveal() == "" || t.Reveal() == refused {
		return false
	}
	margin := min(renewBefore, t.ExpiresAt.Sub(t.FetchedAt)/4)
	return time.Until(t.ExpiresAt) > margin
}
