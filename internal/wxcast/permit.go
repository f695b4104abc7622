package wxcast

import "time"

// PermitKind is how many messages a consent allows.
type PermitKind string

// The kinds of consent. Source: open-ability/subscribe-message-overview, read 2026-11.
const (
	PermitOnce     PermitKind = "once"      // 一次性订阅: one message
	PermitLongTerm PermitKind = "long_term" // 长期订阅: as many as there are
	PermitLimited  PermitKind = "limited"   // 长期订阅限频: as often as the template says
)

// PermitSource is who told of a consent.
type PermitSource string

// The sources of consents.
const (
	PermitByClient PermitSource = "client" // the mini program, with a person's session
	PermitByEvent  PermitSource = "event"  // WeChat, by a callback
	PermitByImport PermitSource = "import" // a ledger that the company kept
)

// PermitReport tells what a person answered when they were asked to allow messages of a
// template, or changed later.
type PermitReport struct {
	Recipient  Recipient // as the app knows the person
	TemplateID string
	Accepted   bool         // false: they refused, and allow nothing any more
	Source     PermitSource // client or event
	ID         string       // the client's own of this answer; "" for an event
	At         time.Time    // by WeChat's clock for an event; else when we were told, UTC
	Scene      string       // where in the mini program they were asked
	Kind       PermitKind
	Version    string // of the text that they agreed to, where it is known
}

// Permit is one consent, with what is left of it.
type Permit struct {
	TemplateID string       `json:"template_id"`
	Recipient  Recipient    `json:"recipient"`
	GrantedAt  time.Time    `json:"granted_at"` // UTC
	Source     PermitSource `json:"source"`
	// Hint: a client alone told of it, and WeChat's own event has not come: it does not count.
	Hint     bool       `json:"hint,omitempty"`
	Scene    string     `json:"scene,omitempty"`
	Version  string     `json:"text_version,omitempty"`
	Kind     PermitKind `json:"kind"`
	Messages int64      `json:"messages"` // left
}

// PermitBalance is how many messages of a template a person allows still.
type PermitBalance struct {
	TemplateID string
	Recipient  Recipient
	Messages   int64
}

// PermitCount is how many people allow how many messages of a template.
type PermitCount struct {
	TemplateID string     `json:"template_id" db:"template_id"`
	Kind       PermitKind `json:"kind"`
	People     int64      `json:"people"`
	Permits    int64      `json:"permits"`
}

// Refusal is a person whose right WeChat did not know.
type Refusal struct {
	ID      Recipient // as the channel takes it
	RightAt time.Time // of the right that was taken, UTC
	At      time.Time // of the refusal
}
