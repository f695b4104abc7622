package spec

import (
	"context"
	"errors"
	"slices"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Recipients is where a preflight reads who would get a broadcast.
type Recipients interface {
	Followers(ctx context.Context, accountID int64, audience wxcast.Audience, after wxcast.OpenID,
		limit int) ([]wxcast.FollowerRecord, error)
}

const (
	preflightPage = 5000
	// badShown is how many bad recipients an error names.
	badShown = 5
)

// Writer writes what a spec says to one channel.
type Writer interface {
	Channel() string
	// Show writes it to one recipient. An error is a *ValueError: the values of this recipient
	// do not fit. What is shown is then as much as could be written.
	Show(d *wxcast.Delivery) (Shown, error)
	// PerPerson tells whether it can be written at all depends on the recipient.
	PerPerson() bool
}

// Shown is a message as a person would see it.
type Shown struct {
	Channel string
	// To is the id that the channel takes; "" where it has none of this recipient and so cannot
	// reach them.
	To                         string
	Data                       map[string]string
	PagePath, URL, Title, Text string
}

// Preflight is what a look at every recipient found.
type Preflight struct {
	Recipients int64
	// Bad counts those whose values WeChat would refuse, by any channel that has an id of theirs.
	Bad int64
	// First are the first messages, each by the first channel.
	First []Shown
}

// Preflighting says what to look through.
type Preflighting struct {
	Spec      *Spec
	AccountID int64
	Audience  wxcast.Audience
	First     int // how many messages to return
	// Mask hides what is known of a recipient from who asks: the first messages, and what is
	// said of bad values. nil hides nothing.
	Mask func(wxcast.Delivery) wxcast.Delivery
}

// Check fills in the message for every recipient and holds each value against its
// key, before anything is sent: one bad row in a million is found here, not at
// 47003. Where the spec says stop, bad ones are an error that names the first. writers are in
// the order in which their channels are tried.
func Check(ctx context.Context, store Recipients, writers []Writer, o Preflighting) (Preflight, error) {
	var p Preflight
	var named []error
	if !slices.ContainsFunc(writers, Writer.PerPerson) && o.First == 0 {
		return p, nil // it was checked with the spec
	}
	after := wxcast.OpenID("")
	for {
		most := preflightPage
		if o.Audience.Limit > 0 {
			most = int(min(int64(most), o.Audience.Limit-p.Recipients))
		}
		page, err := store.Followers(ctx, o.AccountID, o.Audience, after, most)
		if err != nil {
			return p, err
		}
		for _, f := range page {
			p.Recipients++
			d := wxcast.Delivery{Recipient: f.Recipient(), Follower: f.Follower, MiniOpenID: f.MiniOpenID, Vars: f.Vars}
			first, err := try(writers, &d, len(p.First) < o.First)
			if o.Mask != nil && (err != nil || first != nil) {
				d = o.Mask(d)
			}
			if err == nil {
				if first != nil {
					shown, _ := first.Show(&d) // as far as it can be written with nothing in it
					p.First = append(p.First, shown)
				}
				continue
			}
			if o.Mask != nil {
				err = Hidden(err)
			}
			if p.Bad++; len(named) < badShown {
				named = append(named, describeBad(o.Spec, &d, err))
			}
		}
		if len(page) < preflightPage {
			break
		}
		after = wxcast.OpenID(page[len(page)-1].Recipient())
	}
	if p.Bad == 0 || o.Spec.OnBadValue != StopAtBadValue {
		return p, nil
	}
	if more := p.Bad - int64(len(named)); more > 0 {
		named = append(named, &wxcast.BadInput{File: o.Spec.file,
			Problem: wxcast.Say("spec.more_bad", "n", more, "of", p.Recipients)})
	}
	return p, errors.Join(append(named, &wxcast.BadInput{
		Key: "on_bad_value", Problem: wxcast.Say("spec.nothing_sent"), Want: wxcast.Say("spec.want_values"),
	})...)
}

// try writes to one recipient by every channel that has an id of theirs. first is the first of
// these, where it is asked for.
func try(writers []Writer, d *wxcast.Delivery, ask bool) (first Writer, err error) {
	for _, w := range writers {
		if !ask && !w.PerPerson() {
			continue // it was checked with the spec
		}
		shown, err := w.Show(d)
		switch {
		case shown.To == "":
		case err != nil:
			return nil, err
		case first == nil && ask:
			first = w
		}
	}
	return first, nil
}

// Hidden is an error about a recipient's value without the value.
func Hidden(err error) error {
	var bad *ValueError
	if errors.As(err, &bad) {
		return &ValueError{Key: bad.Key, Problem: wxcast.Say("spec.hidden"), Want: bad.Want}
	}
	return wxcast.NewError("spec.hidden")
}

func describeBad(s *Spec, d *wxcast.Delivery, err error) error {
	openid := string(d.OpenID)
	if openid == "" {
		openid = string(d.MiniOpenID)
	}
	var bad *ValueError
	if errors.As(err, &bad) {
		return s.Bad(bad.Key, wxcast.Say("spec.bad_for", "openid", openid, "problem", bad.Problem), bad.Want)
	}
	return s.Bad("", wxcast.Say("spec.bad_for", "openid", openid, "problem", errorSays(err)), wxcast.Sentence{})
}
