package wechat

import "context"

// goAheadKey is the key of the question in a context.
type goAheadKey struct{}

// WithGoAhead has it asked before each call that is made with the context whether the call
// may still be made: between the wish and the call may lie a wait for a token, and a call
// that a token spoiled. An error ends it, and is returned as it is; no call was then taken.
func WithGoAhead(ctx context.Context, ask func() error) context.Context {
	return context.WithValue(ctx, goAheadKey{}, ask)
}

func goAhead(ctx context.Context) error {
	if ask, ok := ctx.Value(goAheadKey{}).(func() error); ok {
		return ask()
	}
	return nil
}
