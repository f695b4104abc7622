package doctor

import (
	"context"
	"net"
	"net/url"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// connections says of each connection that carries secrets or people's data how it is
// protected; db may be nil.
func (d *doctor) connections(ctx context.Context, db *store.DB) {
	const name = "connection"
	if db != nil && db.Engine() == store.Postgres {
		switch kind, err := db.Protection(ctx); {
		case err != nil:
			d.warn(name, d.said(err), wxcast.Sentence{})
		case kind == store.NotEncrypted:
			d.warn(name, wxcast.Say("doctor.to_database_plain"), wxcast.Say("doctor.use_verify_full"))
		case kind == store.Encrypted:
			d.warn(name, wxcast.Say("doctor.to_database_unverified"), wxcast.Say("doctor.use_verify_full"))
		default:
			d.ok(name, "doctor.to_database_"+string(kind))
		}
	}
	for _, base := range d.cfg.APIBases {
		d.address(wxcast.Say("doctor.wechat"), base)
	}
	for _, r := range d.cfg.Notify {
		d.address(wxcast.Say("doctor.robot", "kind", r.Kind), r.URL.Reveal())
	}
	d.served(d.cfg.Serve)
}

// address says how a connection to a URL is protected. The URL may hold a key: only its host
// is shown.
func (d *doctor) address(what wxcast.Sentence, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return // the configuration has checked it
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "smtps":
		d.ok("connection", "doctor.to_verified", "what", what, "host", u.Hostname())
	case value.OnThisMachine(u.Hostname()):
		d.ok("connection", "doctor.to_here", "what", what, "host", u.Hostname())
	case u.Scheme == "smtp":
		d.ok("connection", "doctor.to_starttls", "what", what, "host", u.Hostname())
	default:
		d.warn("connection", wxcast.Say("doctor.to_plain", "what", what, "host", u.Hostname()),
			wxcast.Say("doctor.use_https"))
	}
}

// served says how those come in whom wxcast serve answers.
func (d *doctor) served(s config.Serve) {
	host, _, _ := net.SplitHostPort(s.Listen) // the configuration has checked it
	switch {
	case s.TLS.CertFile != "":
		d.ok("connection", "doctor.serves_tls", "address", s.Listen)
	case value.OnThisMachine(host):
		d.ok("connection", "doctor.serves_here", "address", s.Listen)
	default:
		d.warn("connection", wxcast.Say("doctor.serves_plain", "address", s.Listen), wxcast.Say("doctor.use_proxy"))
	}
}
