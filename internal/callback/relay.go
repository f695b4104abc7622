package callback

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxcast/wxcast/internal/together"
	"github.com/wxcast/wxcast/internal/webhook"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// restAfter failures in a row the primary is not asked for each callback, but once in
	// restFor: WeChat and the person do not wait for it every time.
	restAfter, restFor = 5, time.Second
	// primaryWithin bounds the primary's answer: some time is left to pass it back.
	primaryWithin = answerWithin - 100*time.Millisecond
	// lateWithin is how long the store may take to keep what the primary did not take: WeChat's 5
	// seconds are nearly over.
	lateWithin = 400 * time.Millisecond
)

// Passing is who gets an app's callbacks besides wxcast.
type Passing struct {
	// Primary answers WeChat, and so the person; nil for nobody.
	Primary *Primary
	// Others are the names of systems that get them later.
	Others []string
	// CustomerService hands messages to WeChat's own customer service: those of these words, or
	// all for "*".
	CustomerService []string
}

// Primary is the system that answers WeChat.
type Primary struct {
	Name   string // of the queue of what it did not take at once
	URL    string // may hold a key
	Client *http.Client

	mu     sync.Mutex
	failed int // in a row
	triedAt,
	toldAt time.Time
}

// relay is a callback as it came, for a system.
func relay(to string, e wechat.Event, r *http.Request, body []byte) wxcast.Relay {
	return wxcast.Relay{To: to, OpenID: e.OpenID, Query: r.URL.RawQuery, ContentType: r.Header.Get("Content-Type"),
		Body: body}
}

// answered is what came of asking the primary.
type answered struct {
	webhook.Answer
	err   error
	asked bool // there is one, and it was its turn
}

// ask asks the primary for the answer to a callback, while that is kept; nil where there is none,
// or it rests.
func (i *Intake) ask(ctx context.Context, d door, what wxcast.Relay) <-chan answered {
	p := d.passing.Primary
	if p == nil || !p.turn(time.Now()) {
		return nil
	}
	out := make(chan answered, 1)
	go func() {
		asking, cancel := context.WithTimeout(ctx, primaryWithin)
		defer cancel()
		answer, err := webhook.PassOn(asking, p.Client, p.URL, what)
		out <- answered{answer, err, true} // first: WeChat waits
		i.noteAnswer(ctx, d, err)
	}()
	return out
}

// turn tells whether the primary is to be asked now.
func (p *Primary) turn(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed >= restAfter && now.Sub(p.triedAt) < restFor {
		return false
	}
	p.triedAt = now
	return true
}

// noteAnswer notes whether the primary answered, and tells people when it begins or ends not
// to.
func (i *Intake) noteAnswer(ctx context.Context, d door, err error) {
	p := d.passing.Primary
	p.mu.Lock()
	before, now := p.failed, time.Now()
	if p.failed++; err == nil {
		p.failed = 0
	}
	tell := p.failed >= restAfter && now.Sub(p.toldAt) > time.Minute
	over := err == nil && before >= restAfter
	if tell {
		p.toldAt = now
	}
	p.mu.Unlock()
	i.Metrics.Relayed(d.Name, err == nil)
	telling, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	var noted error
	switch {
	case tell:
		i.Log.ErrorContext(ctx, "the primary does not take callbacks; they are kept, and passed on later", "account",
			d.Name, "err", err)
		noted = i.Store.RaiseNotice(telling, d.ID, wxcast.Notice{Key: p.Name, Kind: wxcast.NoticeAlert,
			Title: wxcast.Say("alert.title", "account", d.Name, "what", wxcast.Say("alert.relay")),
			Body:  wxcast.Say("alert.relay_body", "why", err)})
	case over:
		noted = i.Store.EndAlert(telling, d.ID, p.Name)
	}
	if noted != nil {
		i.Log.ErrorContext(ctx, "an alert was not kept", "account", d.Name, "err", noted)
	}
}

// late keeps a callback for a primary that did not take it at once.
func (i *Intake) late(ctx context.Context, d door, what wxcast.Relay) error {
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateWithin)
	defer cancel()
	_, err := i.lates[d.Name].Put(keeping, what)
	return err
}

// newLates keeps callbacks for a primary, those that it misses at about the same time in one
// transaction: when it goes silent, these are all that came within its time.
func newLates(store Store, accountID int64) *together.Queue[wxcast.Relay, struct{}] {
	return together.New(intakeMax, lateWithin, func(ctx context.Context, all []wxcast.Relay) ([]struct{}, error) {
		return make([]struct{}, len(all)), store.AddRelays(ctx, accountID, all)
	})
}

// any tells whether anybody gets the app's callbacks besides wxcast.
func (p Passing) any() bool { return p.Primary != nil || len(p.Others) > 0 }

// passUnread passes a callback on that is WeChat's and that wxcast cannot read: the company's
// handlers may know what it is.
func (i *Intake) passUnread(w http.ResponseWriter, r *http.Request, d door, body []byte, why error) {
	i.Log.WarnContext(r.Context(), "a callback that cannot be read is passed on", "account", d.Name, "err", why)
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	asked := i.ask(ctx, d, relay("", wechat.Event{}, r, body))
	var err error
	for _, name := range d.passing.Others {
		err = errors.Join(err, i.late(ctx, d, relay(name, wechat.Event{}, r, body)))
	}
	var answer answered
	if asked != nil {
		answer = <-asked
	}
	if p := d.passing.Primary; p != nil && (asked == nil || answer.err != nil) {
		err = errors.Join(err, i.late(ctx, d, relay(p.Name, wechat.Event{}, r, body)))
	}
	if err != nil {
		writeText(w, http.StatusServiceUnavailable, "try again")
		return
	}
	i.answer(w, r, d, wechat.Event{Name: "unread"}, answer, false)
}

// says tells whether an answer says something to the person.
func says(a webhook.Answer) bool {
	text := strings.TrimSpace(string(a.Body))
	return text != "" && text != "success"
}

// transfer is an answer that hands a message to WeChat's customer service. Source:
// subscription|service/guide/product/kf/forwarding.
type transfer struct {
	XMLName      xml.Name `xml:"xml"`
	ToUserName   wxcast.OpenID
	FromUserName string
	CreateTime   int64
	MsgType      string
}

// handsOver tells whether a message goes to WeChat's customer service: messages alone can.
func (p Passing) handsOver(e wechat.Event) bool {
	if e.Name != "" {
		return false
	}
	return slices.ContainsFunc(p.CustomerService, func(word string) bool {
		return word == "*" || e.Type == "text" && plain(e.Content) == plain(word)
	})
}
