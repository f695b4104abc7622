package wxcast

import (
	"slices"
	"time"
)

// Channel is a way to reach a person, as the facts that the engine, the store and the
// reports go by. They never go by its name.
type Channel struct {
	// Name stands with each delivery: "template".
	Name string
	// API is the path whose daily quota a message takes, and whose pace it keeps.
	API string
	// App tells whose token and quota it is: the official account's or the mini program's.
	App AppKind
	// Right is what a message takes beside quota: see Right.
	Right Right
	// DedupWindow is how long WeChat takes a repeat of a message for the same one; 0 where
	// it never does: then a message whose outcome was lost is never repeated by itself.
	DedupWindow time.Duration
	// Gone are the errcodes that mean: the person has left, ask and mark them.
	Gone []int
	// NoPermit are the errcodes that mean: there is no consent of this person (any more).
	NoPermit []int
	// WindowOver are those that mean: the time in which they may be written to is over.
	WindowOver []int
	// Duplicate are those that mean: WeChat has the same message already. DuplicateRest is
	// how long to leave the person alone then.
	Duplicate     []int
	DuplicateRest time.Duration
	// TooOften are those that mean: this person gets too much just now. They are no sign
	// that WeChat is away.
	TooOften []int
	// Serial: sends to one person must not overlap.
	Serial bool
	// Receipt is the kind of event that tells what became of a message; "" where none comes.
	Receipt string
	// ReceiptBlocked are the statuses of a receipt that mean: this person wants nothing by
	// this channel. They are left out of it from then on, until they follow or consent anew.
	ReceiptBlocked []string
}

// Right is what a person must have given before a message may be sent to them; each message
// uses one up.
type Right string

// The rights.
const (
	NoRight     Right = ""
	RightPermit Right = "permit" // a consent to the template
	RightWindow Right = "window" // they wrote to the account, or tapped something, a while ago
)

// Refuses tells whether an errcode is one by which the channel refuses this person, and by
// which another channel may reach them still.
func (c Channel) Refuses(code int) bool {
	return Among(c.Gone, code) || Among(c.NoPermit, code) || Among(c.WindowOver, code)
}

// RefusesRight tells whether an errcode means that the person has given no right.
func (c Channel) RefusesRight(code int) bool {
	return Among(c.NoPermit, code) || Among(c.WindowOver, code)
}

// Lane is what a broadcast's messages by the channel take their quota and time of.
func (c Channel) Lane(b Broadcast) Lane {
	if c.App == KindMiniProgram {
		return Lane{AppID: b.MiniID, API: c.API}
	}
	return Lane{AppID: b.AccountID, API: c.API}
}

// NotesEach tells whether each message is noted before it leaves: where WeChat takes a repeat
// for another message, only so nobody can get two.
func (c Channel) NotesEach() bool { return c.DedupWindow == 0 }

// ID is a person's as the channel takes it; "" where they have none.
func (c Channel) ID(d *Delivery) Recipient {
	if c.App == KindMiniProgram {
		return Recipient(d.MiniOpenID)
	}
	return Recipient(d.OpenID)
}

// Window is the time in which customer-service messages to a follower are allowed.
type Window struct {
	OpenID   OpenID     `json:"-"`
	Kind     WindowKind `json:"kind"`
	At       time.Time  `json:"opened_at"` // UTC
	Until    time.Time  `json:"closes_at"`
	Messages int        `json:"messages"` // that are left
}

// WindowKind is what opened a window.
type WindowKind string

// The kinds of windows. Source: service/guide/product/kf/intro, read 2026-11.
const (
	WindowMessage WindowKind = "message" // they wrote to the account
	WindowMenu    WindowKind = "menu"    // they tapped a menu that tells of it
	WindowFollow  WindowKind = "follow"
	WindowScan    WindowKind = "scan" // of a QR code with a scene
)

// Among tells whether an errcode is one of a channel's.
func Among(codes []int, code int) bool { return slices.Contains(codes, code) }

// Lane is what quota and pace are kept for: one API of one app.
type Lane struct {
	AppID int64 // as the store numbers it: an official account, or a mini program
	API   string
}
