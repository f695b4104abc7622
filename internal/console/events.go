package console

import (
	"net/url"
	"strconv"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// eventsShown is how many transactions' events a page has.
const eventsShown = 30

type eventsView struct {
	Groups []account.EventGroup
	Type   string
	Types  []string
	Older  string // the next page's address; "" for none
}

// events shows what happened, as the company's systems are told of it.
func (c *call) events() error {
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // 0: from the latest
	v := eventsView{Type: c.Query("type"), Types: wxcast.EventTypes}
	var patterns []string
	if v.Type != "" {
		patterns = []string{v.Type}
	}
	var older int64
	var err error
	if v.Groups, older, err = c.Account.EventGroups(c.ctx(), before, patterns, eventsShown); err != nil {
		return err
	}
	if older > 0 {
		v.Older = c.Of("/events") + "?" + url.Values{"type": {v.Type}, "before": {strconv.FormatInt(older, 10)}}.Encode()
	}
	return c.show("events", v)
}
