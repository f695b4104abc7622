// Package api is the HTTP API under /api/v1: what the commands do with broadcasts,
// followers, reports and jobs, for programs that hold a key. Its routes are its OpenAPI
// document, which it serves.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/limit"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Prefix is where the API stands.
const Prefix = "/api/v1"

// Options are what an API needs.
type Options struct {
	Keys     access.Store
	Accounts []*account.Account
	Address  func(r *http.Request) string // the caller's, for its limits
	Version  string                       // of the program
	// Refused is told of who was not let in.
	Refused func(ctx context.Context, why access.Refusal, address string)
	Log     *slog.Logger
}

const (
	// tokensOfAccount are calls for the token a second and at once.
	tokensOfAccount, tokenBurstOfAccount = 1, 20
	// callWithin bounds a call, its upload included.
	callWithin = 10 * time.Minute
	// uploadMax bounds an upload of mini users, specUploadMax that of a spec with its lists, and
	// bodyMax any other body.
	uploadMax     = 1 << 30
	specUploadMax = 256 << 20
	bodyMax       = 1 << 20
)

// API serves calls.
type API struct {
	Options
	http.Handler
	huma     huma.API
	accounts map[int64]*account.Account // by their number in the store
	guard    *access.Guard
	tokens   *limit.Each
	stopping chan struct{}
}

// Stop ends what waits for something to happen: the program is about to end.
func (a *API) Stop() { close(a.stopping) }

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
	a := &API{Options: o, Handler: linesApart(mux), huma: humago.New(mux, config),
		accounts: map[int64]*account.Account{}, stopping: make(chan struct{})}
	for _, one := range o.Accounts {
		a.accounts[one.ID] = one
	}
	a.guard = access.NewGuard(o.Keys, func(accountID int64) bool { return a.accounts[accountID] != nil })
	a.guard.Refused = o.Refused
	a.tokens = limit.New(tokensOfAccount, tokenBurstOfAccount)
	a.huma.UseMiddleware(a.letIn)
	a.addBroadcasts()
	a.addPeople()
	a.addPermits()
	a.addReports()
	a.addJobs()
	a.addToken()
	a.addAudit()
	a.addMessages()
	a.addEvents()
	a.addWebhooks()
	a.addGoals()
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		_ = huma.WriteErr(a.huma, humago.NewContext(nil, r, w), http.StatusNotFound, text.OfRequest(r).T("api.no_call", "openapi", Prefix+"/openapi.json")) // the caller may be gone
	})
	return a
}

// Done is the answer of a call that has nothing to tell.
type Done struct{}

// answer is what a call answers with.
type answer struct{ Body any }

// operation is a route and who may call it.
func operation(id, method, path, summary string, scope wxcast.Scope) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: Prefix + path, Summary: summary,
		Security: []map[string][]string{{"key": {string(scope)}}},
		Errors:   []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}
}

// register adds a call that answers with JSON.
func register[I, O any](a *API, op huma.Operation,
	do func(ctx context.Context, of *account.Account, in *I) (O, error)) {
	// The framework's code is made anew for each type of answer. Its schema is told here instead, and
	// the code is made for one type: the program is a third of a megabyte smaller.
	status := strconv.Itoa(cmp.Or(op.DefaultStatus, http.StatusOK))
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[O](), true, op.OperationID+"Response")
	op.Responses = map[string]*huma.Response{status: {
		Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*answer, error) {
		out, err := do(ctx, accountOf(ctx), in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &answer{out}, nil
	})
}
