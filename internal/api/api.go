// Package api is the HTTP API under /api/v1: what the commands do with broadcasts,
// followers, reports and jobs, for programs that hold a key. Its routes are its OpenAPI
// document, which it serves.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/wxcast/wxcast/internal/limit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Prefix is where the API stands.
const Prefix = "/api/v1"

// Store finds keys, and keeps who changed what.
type Store interface {
	Now() time.Time
	APIKey(ctx context.Context, key string) (_ wxcast.APIKey, found bool, err error)
	AddAudit(ctx context.Context, accountID int64, e wxcast.AuditEntry) (id int64, err error)
	EndAudit(ctx context.Context, id int64, target, outcome string) error
	Audit(ctx context.Context, accountID, before int64, limit int) ([]wxcast.AuditEntry, error)
}

// Options are what an API needs.
type Options struct {
	Store    Store
	Accounts map[int64]Account             // by their number in the store
	Address  func(r *http.Request) string  // the caller's, for its limits
	Status   func(err error) (int, string) // of an error that this package does not know
	Version  string                        // of the program
	Log      *slog.Logger
}

const (
	// callsOfKey are calls a second and at once of one key, and of one address without a
	// good key.
	callsOfKey, callBurstOfKey           = 20, 100
	strangersCalls, strangersCallBurst   = 1, 20
	tokensOfAccount, tokenBurstOfAccount = 1, 20
	// callWithin bounds a call, its upload included.
	callWithin = 10 * time.Minute
	uploadMax  = 1 << 30
)

// API serves calls.
type API struct {
	Options
	http.Handler
	huma                     huma.API
	ofKey, strangers, tokens *limit.Each
}

// New makes the API.
func New(o Options) *API {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("wxcast", o.Version)
	config.Info.Description = "What wxcast's commands do, for programs. Errors are RFC 9457 problem documents. A key opens one account: `wxcast key create` makes one."
	config.OpenAPIPath = Prefix + "/openapi"
	config.DocsPath, config.SchemasPath = "", "" // its pages would load scripts from elsewhere
	config.CreateHooks = nil                     // no $schema in every answer
	config.RejectUnknownQueryParameters = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
	a := &API{Options: o, Handler: mux, huma: humago.New(mux, config), ofKey: limit.New(callsOfKey, callBurstOfKey), strangers: limit.New(strangersCalls, strangersCallBurst), tokens: limit.New(tokensOfAccount, tokenBurstOfAccount)}
	a.huma.UseMiddleware(a.guard)
	a.addBroadcasts()
	a.addPeople()
	a.addReports()
	a.addJobs()
	a.addToken()
	a.addAudit()
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		_ = huma.WriteErr(a.huma, humago.NewContext(nil, r, w), http.StatusNotFound, "there is no such call; "+Prefix+"/openapi.json describes them") // the caller may be gone
	})
	return a
}

// answer is what a call answers with.
type answer[T any] struct{ Body T }

// operation is a route and who may call it.
func operation(id, method, path, summary string, scope wxcast.Scope) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: Prefix + path, Summary: summary,
		Security: []map[string][]string{{"key": {string(scope)}}},
		Errors:   []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}
}

// audited is an operation that is written down.
func audited(op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{"audited": true}
	return op
}

// register adds a call that answers with JSON.
func register[I, O any](a *API, op huma.Operation, do func(ctx context.Context, account Account, in *I) (O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*answer[O], error) {
		out, err := do(ctx, a.account(ctx), in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &answer[O]{out}, nil
	})
}
