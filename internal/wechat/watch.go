package wechat

import (
	"context"
	"net/http"
	"time"
)

// Watch is how a caller watches the calls that are made with a context.
type Watch struct {
	// GoAhead is asked before each call whether it may still be made, and told how long ago
	// it was wished: in between may lie a wait for a token, and a call that a token spoiled.
	// An error ends it, and is returned as it is; no call was then taken.
	GoAhead func(waited time.Duration) error
	// Heard is told what WeChat's clock showed at each answer, to a second.
	Heard func(date time.Time)
}

// watchKey is the key of the Watch in a context.
type watchKey struct{}

// WithWatch has calls that are made with the context watched.
func WithWatch(ctx context.Context, w Watch) context.Context {
	return context.WithValue(ctx, watchKey{}, &w)
}

func goAhead(ctx context.Context, wished time.Time) error {
	if w, ok := ctx.Value(watchKey{}).(*Watch); ok && w.GoAhead != nil {
		return w.GoAhead(time.Since(wished))
	}
	return nil
}

func heard(ctx context.Context, header http.Header) {
	w, ok := ctx.Value(watchKey{}).(*Watch)
	if !ok || w.Heard == nil {
		return
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		w.Heard(date)
	}
}
