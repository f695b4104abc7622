package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type contextKey struct{}

// caller is who makes a call, and what it turned out to be about.
type caller struct {
	key    wxcast.APIKey
	target string
}

// account is the one that the caller's key opens.
func (a *API) account(ctx context.Context) Account {
	return a.Accounts[ctx.Value(contextKey{}).(*caller).key.AccountID]
}

// about says for the audit log what a call is about; never a person's id.
func about(ctx context.Context, target string) { ctx.Value(contextKey{}).(*caller).target = target }

// guard lets those call who have a good key with the operation's scope, and writes down
// what is to be written down before it is done.
func (a *API) guard(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	r, w := humago.Unwrap(ctx)
	key, status, why := a.admit(r, wxcast.Scope(op.Security[0]["key"][0]))
	if status != 0 {
		switch status {
		case http.StatusUnauthorized:
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="wxcast"`)
		case http.StatusTooManyRequests:
			ctx.SetHeader("Retry-After", "5")
		}
		_ = huma.WriteErr(a.huma, ctx, status, why) // the caller may be gone
		return
	}
	deadline := time.Now().Add(callWithin)
	control := http.NewResponseController(w)
	// Where a connection has no deadlines there is nothing to move.
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline)
	r.Body = http.MaxBytesReader(w, r.Body, uploadMax)

	c := &caller{key: key}
	ctx = huma.WithValue(ctx, contextKey{}, c)
	if op.Metadata["audited"] == nil {
		next(ctx)
		return
	}
	id, err := a.Store.AddAudit(ctx.Context(), key.AccountID, wxcast.AuditEntry{Actor: "key " + key.Name, Action: op.OperationID})
	if err != nil {
		a.Log.ErrorContext(ctx.Context(), "a call was not written down, so it was not done", "key", key.Name, "operation", op.OperationID, "err", err)
		_ = huma.WriteErr(a.huma, ctx, http.StatusServiceUnavailable, "the audit log cannot be written; try again")
		return
	}
	defer func() {
		if err := a.Store.EndAudit(context.WithoutCancel(ctx.Context()), id, c.target, strconv.Itoa(ctx.Status())); err != nil {
			a.Log.ErrorContext(ctx.Context(), "the end of a call was not written down", "key", key.Name, "operation", op.OperationID, "err", err)
		}
	}()
	next(ctx)
}

// admit finds the caller's key; a status other than 0 says why the call is refused.
func (a *API) admit(r *http.Request, scope wxcast.Scope) (key wxcast.APIKey, status int, why string) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		if !a.strangers.Allow(a.Address(r), time.Now()) {
			return key, http.StatusTooManyRequests, "too many calls without a key"
		}
		return key, http.StatusUnauthorized, "send Authorization: Bearer KEY; wxcast key create makes one"
	}
	key, found, err := a.Store.APIKey(r.Context(), text)
	switch {
	case err != nil:
		a.Log.ErrorContext(r.Context(), "a key could not be looked up", "err", err)
		return key, http.StatusServiceUnavailable, "the database does not answer; try again"
	case !found, !key.Good(a.Store.Now()), a.Accounts[key.AccountID] == nil:
		// Who guesses is slowed down; who has a good key is never kept waiting by them.
		if !a.strangers.Allow(a.Address(r), time.Now()) {
			return key, http.StatusTooManyRequests, "too many calls with a wrong key"
		}
		return key, http.StatusUnauthorized, "the key is not known, has expired, or was revoked"
	case !key.May(scope):
		return key, http.StatusForbidden, "the key lacks the scope " + string(scope)
	case !a.ofKey.Allow(strconv.FormatInt(key.ID, 10), time.Now()):
		return key, http.StatusTooManyRequests, "too many calls with this key"
	}
	return key, 0, ""
}

// Admit tells whether a request has a key for a scope, for pages outside of this package.
func (a *API) Admit(r *http.Request, scope wxcast.Scope) (status int, why string) {
	_, status, why = a.admit(r, scope)
	return status, why
}
