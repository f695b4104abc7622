package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type contextKey struct{}

// caller is who makes a call: the account that their key opens, and the language in which
// they are answered.
type caller struct {
	account *account.Account
	lang    text.Lang
}

// accountOf is the account that the caller's key opens.
func accountOf(ctx context.Context) *account.Account {
	return ctx.Value(contextKey{}).(*caller).account
}

// langOf is the caller's language.
func langOf(ctx context.Context) text.Lang {
	if c, ok := ctx.Value(contextKey{}).(*caller); ok {
		return c.lang
	}
	return text.English
}

// asker is a program that asks for a broadcast: nobody is there to be asked.
func (a *API) asker(ctx context.Context) account.Asker {
	return account.Asker{Say: func(s wxcast.Sentence) {
		a.Log.InfoContext(ctx, text.English.Say(s), "account", accountOf(ctx).Name())
	}}
}

// letIn lets those call who have a good key with the operation's scope.
func (a *API) letIn(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	operation := ctx.Operation()
	key, status, why := a.admit(r, wxcast.Scope(operation.Security[0]["key"][0]), ofEachMessage(operation.OperationID))
	if status != 0 {
		if of := a.accounts[key.AccountID]; status == http.StatusForbidden && of != nil {
			err := of.Refused(ctx.Context(), "key "+key.Name, a.Address(r), ctx.Operation().OperationID)
			if err != nil {
				a.Log.ErrorContext(ctx.Context(), "a refusal was not written down", "err", err)
			}
		}
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
	r.Body = http.MaxBytesReader(w, r.Body, bodyOf(ctx.Operation().OperationID))
	c := &caller{account: a.accounts[key.AccountID], lang: text.OfRequest(r)}
	as := account.As(ctx.Context(), "key "+key.Name, a.Address(r))
	if !slices.Contains(key.Scopes, wxcast.ScopePeople) {
		as = account.Masked(as)
	}
	next(huma.WithContext(ctx, context.WithValue(as, contextKey{}, c)))
}

// ofEachMessage tells whether an operation is called for each message.
func ofEachMessage(operation string) bool {
	return slices.Contains([]string{"send-message", "send-messages", "get-message"}, operation)
}

// bodyOf is how large a call's body may be.
func bodyOf(operation string) int64 {
	switch operation {
	case "import-mini-users", "import-permits":
		return uploadMax
	case "create-broadcast", "preview-broadcast", "test-broadcast":
		return specUploadMax
	case "send-messages":
		return messagesBody
	default:
		return bodyMax
	}
}

// refusals are the answers to those who may not come in.
var refusals = map[access.Refusal]struct {
	status int
	code   string
}{
	access.NoKey:            {http.StatusUnauthorized, "api.no_key"},
	access.WrongKey:         {http.StatusUnauthorized, "api.wrong_key"},
	access.NarrowKey:        {http.StatusForbidden, "api.narrow_key"},
	access.TooManyOfKey:     {http.StatusTooManyRequests, "api.too_many_of_key"},
	access.TooManyStrangers: {http.StatusTooManyRequests, "api.too_many_strangers"},
	access.StoreAway:        {http.StatusServiceUnavailable, "api.store_away"},
}

// admit finds the caller's key; a status other than 0 says why the call is refused.
func (a *API) admit(r *http.Request, scope wxcast.Scope, often bool) (key wxcast.APIKey, status int, why string) {
	shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	key, refused, err := a.guard.Admit(r.Context(), shown, a.Address(r), scope, often)
	if err != nil {
		a.Log.ErrorContext(r.Context(), "a key could not be looked up", "err", err)
	}
	if refused == access.Admitted {
		return key, 0, ""
	}
	answer := refusals[refused]
	return key, answer.status, text.OfRequest(r).T(answer.code, "scope", scope)
}

// Admit tells whether a request has a key for a scope, for pages outside of this package.
func (a *API) Admit(r *http.Request, scope wxcast.Scope) (status int, why string) {
	_, status, why = a.admit(r, scope, false)
	return status, why
}
