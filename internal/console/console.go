// Package console is the door for the company's people: pages that the server writes, for
// browsers. It can do nothing that the other doors to internal/account cannot; who may do
// what is decided here, by the table in routes.go, and told in docs/console.md.
package console

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/doctor"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Options are what a console needs.
type Options struct {
	House *account.House
	// URL is where browsers reach it, as configured; "" where the program listens.
	URL     string
	Address func(r *http.Request) string // the browser's, for limits and the audit log
	Log     *slog.Logger
	// Refused is told of who was not let in.
	Refused func(r *http.Request, why, address string)
}

// Console serves the pages.
type Console struct {
	Options
	prefix  string // of all paths, "" for none
	pages   pages
	assets  assets
	handler http.Handler
	counts  *slow[broadcastKey, snapshot]
	permits *slow[permitsKey, []wxcast.PermitCount]
	company access.Provider // nil for none
	fixed   sync.Map        // of broadcasts whose recipients are being fixed here
	doctors *slow[doctorKey, []doctor.Check]
	days    *slow[daysKey, []account.DayFigures]
	// audiences are the counts of drafts' audiences that somebody asked for lately.
	audiences *recent[audienceKey, wxcast.AudienceCount]
	refusals  *recent[refusedKey, struct{}]
}

// New makes the console.
func New(o Options) *Console {
	c := &Console{Options: o, assets: readAssets(), company: newProvider(o.House.Config().Console)}
	if u, err := url.Parse(o.URL); err == nil {
		c.prefix = strings.TrimRight(u.Path, "/")
	}
	c.pages = readPages()
	b := newBudget()
	c.counts, c.permits = newSlow[broadcastKey, snapshot](b), newSlow[permitsKey, []wxcast.PermitCount](b)
	c.days = newSlow[daysKey, []account.DayFigures](b)
	c.doctors = newSlow[doctorKey, []doctor.Check](newBudget()) // it waits for WeChat, and costs the store little
	c.audiences = newRecent[audienceKey, wxcast.AudienceCount](countKept)
	c.refusals = newRecent[refusedKey, struct{}](refusedKept)
	mux := http.NewServeMux()
	c.routes(mux)
	// A proxy may pass the path on with the prefix, or without it.
	outer := http.NewServeMux()
	outer.Handle("/", mux)
	if c.prefix != "" {
		outer.Handle(c.prefix+"/", http.StripPrefix(c.prefix, mux))
	}
	c.handler = guarded(outer)
	return c
}

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// policy is what a page may load and run: what is ours, and no script or style within the page.
// Trusted Types let nothing become HTML but by static/policy.js.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
	"trusted-types default"

// guarded refuses what another site sends in a user's name, and says what pages may do.
func guarded(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		next.ServeHTTP(w, r)
	}))
}
