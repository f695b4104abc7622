package console

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type peopleView struct {
	Asked string
	Found []wxcast.Remarked // by their remark
}

// people looks for a person: one whose id it is is shown, else those whose remark begins so.
func (c *call) people() error {
	v := peopleView{Asked: strings.TrimSpace(c.Query("q"))}
	if v.Asked == "" {
		return c.show("people", v)
	}
	if known, err := c.Account.Knows(c.ctx(), v.Asked); err != nil {
		return err
	} else if known {
		return c.to(c.person(v.Asked), "")
	}
	var err error
	if v.Found, err = c.Account.FindPeople(c.ctx(), v.Asked); err != nil {
		return err
	}
	return c.show("people", v)
}

// person is the address of a person's page.
func (c *call) person(id string) string { return c.Of("/people/" + url.PathEscape(id)) }

// Person is the address of a person's page.
func (c *call) Person(id string) string { return c.person(id) }

type personView struct {
	ID string
	account.Person
	Timeline []moment
	OptedOut bool
	Gone     bool // every follower that they are has left
}

// moment is something that happened to a person.
type moment struct {
	At   time.Time // UTC; zero of what has no time
	Kind string    // which the page says as console.moment_KIND
	Text string
	Link string
}

func (c *call) personPage() error {
	id := c.r.PathValue("id")
	p, err := c.Account.Person(c.ctx(), id)
	if err != nil {
		return err
	}
	v := personView{ID: id, Person: p, OptedOut: len(p.OptOuts) > 0, Gone: len(p.Followers) > 0}
	for _, f := range p.Followers {
		v.Gone = v.Gone && !f.Subscribed
	}
	v.Timeline = c.timeline(p)
	if c.May(access.RightAudit) {
		looked, err := c.Account.Audit(c.ctx(), 0, rowsShown, id)
		if err != nil {
			return err
		}
		for _, e := range looked {
			v.Timeline = append(v.Timeline, moment{At: e.At, Kind: "audit", Text: e.Actor + " · " + e.Action})
		}
	}
	slices.SortStableFunc(v.Timeline, func(a, b moment) int { return b.At.Compare(a.At) })
	return c.show("person", v)
}

// timeline is what happened to a person, in no order.
func (c *call) timeline(p account.Person) (all []moment) {
	add := func(at *time.Time, kind, text, link string) {
		if at != nil && !at.IsZero() {
			all = append(all, moment{*at, kind, text, link})
		}
	}
	for _, f := range p.Followers {
		add(f.SubscribeTime, "followed", f.Scene, "")
		add(f.UnfollowedAt, "left", "", "")
		add(f.RefollowedAt, "followed", "", "")
	}
	for _, m := range p.MiniUsers {
		add(&m.CreatedAt, "mini_user", m.MiniAppID, "")
	}
	for _, o := range p.OptOuts {
		add(&o.Since, "opted_out", o.Source, "")
	}
	for _, w := range p.Permits {
		add(&w.GrantedAt, "permit", fmt.Sprint(w.TemplateID, " × ", w.Messages), "")
	}
	for _, r := range p.Refused {
		add(&r.Since, "refused", r.Channel+" "+r.TemplateID, "")
	}
	for _, t := range p.Told {
		add(&t.At, "told", strings.TrimSpace(t.Kind+" "+t.Key+" "+t.Content), "")
	}
	for _, d := range p.Messages {
		text := d.Broadcast + " · " + c.T("channel."+d.Channel) + " · " + c.State(d.State)
		if why := c.Say(d.Why); why != "" {
			text += " · " + why
		}
		link := c.Of("/broadcasts/" + strconv.FormatInt(d.BroadcastID, 10))
		at := d.AttemptedAt
		if at == nil {
			at = &time.Time{}
			all = append(all, moment{Kind: "message", Text: text, Link: link})
		}
		add(at, "message", text, link)
		add(d.CameAt, "came", d.Broadcast, link)
		if d.Receipt != "" {
			add(at, "receipt", d.Broadcast+" · "+d.Receipt, link)
		}
	}
	return all
}

func (c *call) optOut() error { return c.changeOptOut(c.Account.AddOptOuts, "opted_out") }

func (c *call) optIn() error { return c.changeOptOut(c.Account.RemoveOptOuts, "opted_in") }

func (c *call) changeOptOut(do func(context.Context, []string) (account.OptOutChange, error), done string) error {
	id := c.r.PathValue("id")
	if _, err := do(c.ctx(), []string{id}); err != nil {
		return err
	}
	return c.to(c.person(id), done)
}

func (c *call) forget() error {
	id := c.r.PathValue("id")
	if strings.TrimSpace(c.Value("sure")) != id {
		return &wxcast.BadInput{Problem: wxcast.Say("console.not_sure"), Want: wxcast.Say("console.want_sure", "id",
			id)}
	}
	if _, err := c.Account.ForgetPerson(c.ctx(), id); err != nil {
		return err
	}
	return c.to(c.Of("/people"), "forgotten")
}

type deliveriesView struct {
	castView
	Rows           []account.Delivery
	States         []wxcast.DeliveryState
	State, ErrCode string
	Codes          []string
	Next           string // the address of what comes next; "" for nothing
}

// deliveries lists a broadcast's people by what became of their message.
func (c *call) deliveries() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	b, err := c.Account.BroadcastAsStored(c.ctx(), id)
	if err != nil {
		return err
	}
	v := deliveriesView{State: c.Query("state"), ErrCode: c.Query("errcode"), States: []wxcast.DeliveryState{
		wxcast.DeliveryPending, wxcast.DeliverySent, wxcast.DeliveryFailed, wxcast.DeliverySkipped,
		wxcast.DeliveryUnknown}}
	if v.castView, err = c.castOf(c.Account, b); err != nil {
		return err
	}
	if v.Counts != nil {
		v.Codes = slices.Sorted(maps.Keys(v.Counts.ByErrCode))
	}
	pick := account.DeliveryPick{State: v.State, Limit: rowsShown,
		After: wxcast.DeliveryKey{Recipient: wxcast.Recipient(c.Query("after"))}}
	pick.After.Message, _ = strconv.ParseInt(c.Query("message"), 10, 64) // 0 in a broadcast
	if code, err := strconv.Atoi(v.ErrCode); err == nil {
		pick.ErrCode = &code
	}
	var next *wxcast.DeliveryKey
	if v.Rows, next, err = c.Account.PickDeliveries(c.ctx(), id, pick); err != nil {
		return err
	}
	if next != nil {
		v.Next = c.here(id) + "/people?" + url.Values{"state": {v.State}, "errcode": {v.ErrCode},
			"after": {string(next.Recipient)}, "message": {strconv.FormatInt(next.Message, 10)}}.Encode()
	}
	return c.show("deliveries", v)
}
