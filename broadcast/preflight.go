package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Recipients is where a preflight reads who would get a broadcast.
type Recipients interface {
	Followers(ctx context.Context, accountID int64, audience wxcast.Audience, after wxcast.OpenID, limit int) ([]wxcast.FollowerRecord, error)
}

const (
	preflightPage = 5000
	// badShown is how many bad recipients an error names.
	badShown = 5
)

// Preflight is what a look at every recipient found.
type Preflight struct {
	Recipients int64
	// Bad counts those whose values WeChat would refuse.
	Bad int64
	// First are the first messages, as WeChat would get them.
	First []wechat.TemplateMessage
}

// Check fills in the message for every recipient and holds each value against its
// key, before anything is sent: one bad row in a million is found here, not at
// 47003. Where the spec says stop, bad ones are an error that names the first.
// first is how many messages to return.
func Check(ctx context.Context, store Recipients, s *Spec, m *Message, accountID int64, audience wxcast.Audience, first int) (Preflight, error) {
	var p Preflight
	var named []error
	if !m.perPerson && first == 0 {
		return p, nil // it was checked with the spec
	}
	after := wxcast.OpenID("")
	for {
		most := preflightPage
		if audience.Limit > 0 {
			most = int(min(int64(most), audience.Limit-p.Recipients))
		}
		page, err := store.Followers(ctx, accountID, audience, after, most)
		if err != nil {
			return p, err
		}
		for _, f := range page {
			p.Recipients++
			message, err := m.For(&wxcast.Delivery{Follower: f.Follower, MiniOpenID: f.MiniOpenID, Vars: f.Vars})
			if err == nil {
				if len(p.First) < first {
					p.First = append(p.First, message)
				}
				continue
			}
			if p.Bad++; len(named) < badShown {
				named = append(named, describeBad(s, f.OpenID, err))
			}
		}
		if len(page) < preflightPage {
			break
		}
		after = page[len(page)-1].OpenID
	}
	if p.Bad == 0 || s.OnBadValue != StopAtBadValue {
		return p, nil
	}
	if more := p.Bad - int64(len(named)); more > 0 {
		named = append(named, &wxcast.BadInput{File: s.file, Problem: wxcast.Plain(fmt.Sprintf("and %d more of %d recipients", more, p.Recipients))})
	}
	return p, errors.Join(append(named, &wxcast.BadInput{
		Key: "--on-bad-value", Problem: wxcast.Plain("nothing was sent"), Want: wxcast.Plain("mend the values, or write skip to leave these people out, or truncate to cut what is too long"),
	})...)
}

func describeBad(s *Spec, openid wxcast.OpenID, err error) error {
	var bad *BadValueError
	if errors.As(err, &bad) {
		return s.Bad("data."+bad.Key, fmt.Sprintf("for %s: %s", openid, bad.Problem), bad.Want)
	}
	return s.Bad("data", fmt.Sprintf("for %s: %v", openid, err), "")
}

// Forecast foretells when a broadcast of n messages that begins now ends.
type Forecast struct {
	Days    int       // Beijing days on which it sends
	EndsAt  time.Time // UTC
	PerDay  int64     // messages a day that the quota allows; 0 for no known limit
	Today   int64     // of those, still left today
	Seconds float64   // of sending, waits not counted
}

// Foretell computes a forecast from the rate, the quota of a day, and the quiet hours.
func Foretell(now time.Time, n int64, o Options, q wxcast.Quota) Forecast {
	f := Forecast{Days: 1, Seconds: float64(n) / o.Rate}
	if q.Limit > 0 {
		f.PerDay = max(0, q.Limit-o.QuotaKeep)
		f.Today = min(f.PerDay, max(0, q.Limit-o.QuotaKeep-q.Used))
	}
	today, left, t := f.Today, float64(n), now
	for day := wxcast.DayOf(t); left > 0; {
		if f.Days > forecastDaysMax || q.Limit > 0 && f.PerDay == 0 {
			f.Days, f.EndsAt = 0, time.Time{} // never
			return f
		}
		until, sending := o.nextChange(t)
		allowed := until.Sub(t).Seconds() * o.Rate
		if q.Limit > 0 {
			allowed = min(allowed, float64(today))
		}
		if sending {
			if left <= allowed {
				t = t.Add(time.Duration(left / o.Rate * float64(time.Second)))
				break
			}
			left -= allowed
			today -= int64(allowed)
		}
		spent := q.Limit > 0 && today <= 0
		if next := day.Next().Begin(); spent || !until.Before(next) {
			until, day, today = next, day.Next(), f.PerDay
			if spent {
				until = until.Add(dayBegins)
			}
			f.Days++
		}
		t = until
	}
	f.EndsAt = t.UTC()
	return f
}

// forecastDaysMax is ten years: a broadcast that lasts longer never ends.
const forecastDaysMax = 3650

// nextChange is when quiet hours next begin or end, or the day does; sending tells
// whether messages leave until then.
func (o Options) nextChange(t time.Time) (until time.Time, sending bool) {
	until = wxcast.DayOf(t).Next().Begin()
	for _, q := range o.Quiet {
		if end := q.Until(t); !end.IsZero() {
			return end, false
		}
		if begin := wxcast.DayOf(t).Begin().Add(q.From); begin.After(t) && begin.Before(until) {
			until = begin
		}
	}
	return until, true
}
