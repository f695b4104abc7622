package console

import (
	"slices"
	"strconv"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// total is what happened over some days.
type total struct {
	From, To         wxcast.Day
	Days             int
	Sent             int64
	Calls            map[string]int64
	Gained, Lost     int64
	Counted          bool
	Average, Busiest int64 // messages a day, and on the day with the most
}

func totalOf(from, to wxcast.Day, days *[]account.DayFigures) total {
	t := total{From: from, To: to, Calls: map[string]int64{}}
	if days == nil {
		return t
	}
	t.Counted, t.Days = true, len(*days)
	for _, d := range *days {
		for channel, n := range d.Calls {
			t.Calls[channel] += n
		}
		t.Sent, t.Gained, t.Lost, t.Busiest = t.Sent+d.Sent, t.Gained+d.Gained, t.Lost+d.Lost, max(t.Busiest, d.Sent)
	}
	t.Average = t.Sent / int64(max(1, t.Days))
	return t
}

// comparedRow is a number of two spans of days.
type comparedRow struct {
	Code string // of its name
	A, B int64
}

// More is how much more the second is.
func (r comparedRow) More() int64 { return r.B - r.A }

// castsCompared is how many broadcasts can be compared.
const castsCompared = 6

type compareView struct {
	A, B  total
	Rows  []comparedRow
	Casts []castView // those chosen
	All   []wxcast.Broadcast
}

// compare sets two spans of days side by side, or some broadcasts.
func (c *call) compare() error {
	today := wxcast.DayOf(c.Account.Now())
	back := func(n int) wxcast.Day { return wxcast.DayOf(today.Begin().AddDate(0, 0, -n)) }
	pick := func(name string, otherwise wxcast.Day) wxcast.Day {
		if d, err := wxcast.ParseDay(c.Query(name)); err == nil {
			return d
		}
		return otherwise
	}
	var v compareView
	for _, s := range []struct {
		name     string
		from, to wxcast.Day
		into     *total
	}{{"a", back(14), back(8), &v.A}, {"b", back(7), back(1), &v.B}} {
		from, to := pick(s.name+"_from", s.from), pick(s.name+"_to", s.to)
		days, err := c.days(from, to)
		if err != nil {
			return err
		}
		*s.into = totalOf(from, to, days)
	}
	v.Rows = []comparedRow{{"console.sent_calls", v.A.Sent, v.B.Sent}}
	for _, ch := range account.Channels {
		if v.A.Calls[ch.Name]+v.B.Calls[ch.Name] > 0 {
			v.Rows = append(v.Rows, comparedRow{"channel." + ch.Name, v.A.Calls[ch.Name], v.B.Calls[ch.Name]})
		}
	}
	v.Rows = append(v.Rows, comparedRow{"console.a_day", v.A.Average, v.B.Average},
		comparedRow{"console.busiest", v.A.Busiest, v.B.Busiest}, comparedRow{"count.gained", v.A.Gained, v.B.Gained},
		comparedRow{"count.lost", v.A.Lost, v.B.Lost})
	return c.compareCasts(v)
}

// compareCasts adds the broadcasts that were chosen, and those that can be.
func (c *call) compareCasts(v compareView) error {
	all, err := c.Account.BroadcastPage(c.ctx(), 0, rowsShown)
	if err != nil {
		return err
	}
	v.All = all
	for _, text := range c.r.Form["id"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || len(v.Casts) == castsCompared {
			continue
		}
		b, err := c.Account.BroadcastAsStored(c.ctx(), id)
		if err != nil {
			return err
		}
		one, err := c.listed(b)
		if err != nil {
			return err
		}
		v.Casts = append(v.Casts, one)
	}
	return c.show("compare", v)
}

// Chosen tells whether a broadcast is among those that are compared.
func (v compareView) Chosen(id int64) bool {
	return slices.ContainsFunc(v.Casts, func(one castView) bool { return one.ID == id })
}

// figure is a number of a broadcast.
type figure struct {
	N, Of int64
	Known bool
	Share bool // it is a share of the recipients
}

// Figure is a number of the broadcast, by its name.
func (v castView) Figure(name string) figure {
	if v.Counts == nil {
		return figure{}
	}
	b := v.Counts.Broadcast
	one := figure{Of: b.Recipients, Known: true, Share: true}
	switch name {
	case "recipients":
		one.N, one.Share = b.Recipients, false
	case "sent":
		one.N = b.Sent
	case "delivered":
		one.N = b.Delivered
	case "failed":
		one.N = b.Failed
	case "skipped":
		one.N = b.Skipped
	case "unknown":
		one.N = b.Unknown
	case "came", "converted":
		if one.Known = b.Results != nil; one.Known && name == "came" {
			one.N = b.Results.Came
		} else if one.Known {
			one.N = b.Results.Converted
		}
	}
	return one
}
