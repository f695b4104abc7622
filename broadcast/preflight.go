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
func Check(ctx context.Context, store Recipients, s *Spec, m *Message, accountID, miniID int64, first int) (Preflight, error) {
	var p Preflight
	var named []error
	if !m.variable && first == 0 {
		return p, nil // the same text for everyone was checked with the spec
	}
	bridged := true
	after := wxcast.OpenID("")
	for {
		page, err := store.Followers(ctx, accountID, wxcast.Audience{MiniID: miniID, Bridged: &bridged}, after, preflightPage)
		if err != nil {
			return p, err
		}
		for _, f := range page {
			p.Recipients++
			message, err := m.For(wxcast.Delivery{Follower: f.Follower, MiniOpenID: f.MiniOpenID})
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
		named = append(named, &wxcast.BadInput{File: s.file, Problem: fmt.Sprintf("and %d more of %d recipients", more, p.Recipients)})
	}
	return p, errors.Join(append(named, &wxcast.BadInput{
		Key: "--on-bad-value", Problem: "nothing was sent", Want: "mend the values, or write skip to leave these people out, or truncate to cut what is too long",
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

// Foretell computes a forecast from the rate and the quota of a day.
func Foretell(now time.Time, n int64, rate float64, q wxcast.Quota, keep int64) Forecast {
	f := Forecast{Days: 1, Seconds: float64(n) / rate}
	length := func(n int64) time.Duration { return time.Duration(float64(n) / rate * float64(time.Second)) }
	f.EndsAt = now.Add(length(n))
	if q.Limit == 0 || n == 0 {
		return f
	}
	f.PerDay = max(0, q.Limit-keep)
	f.Today = min(f.PerDay, max(0, q.Limit-keep-q.Used))
	begin, left := now, n
	for allowed := f.Today; ; allowed = f.PerDay {
		day := wxcast.DayOf(begin).Next().Begin()
		sent := min(left, allowed, int64(day.Sub(begin).Seconds()*rate))
		if left -= sent; left <= 0 {
			f.EndsAt = begin.Add(length(sent))
			return f
		}
		if f.PerDay == 0 || f.Days > 3650 {
			f.Days, f.EndsAt = 0, time.Time{} // never
			return f
		}
		begin = day.Add(dayBegins)
		f.Days++
	}
}
