package broadcast

import (
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

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
