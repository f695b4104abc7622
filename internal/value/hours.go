package value

import (
	"fmt"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// QuietHours are the hours of a Beijing day in which no message leaves. Its zero value
// is none.
type QuietHours struct {
	From, To time.Duration // after midnight; From may be later than To: over night
}

// ParseQuietHours reads hours such as 22:00-08:00; false for a text that names none.
func ParseQuietHours(text string) (q QuietHours, ok bool) {
	from, to, ok := strings.Cut(text, "-")
	if ok {
		if q.From, ok = clock(from); ok {
			q.To, ok = clock(to)
		}
	}
	if !ok || q.From == q.To {
		return QuietHours{}, false
	}
	return q, true
}

func clock(text string) (time.Duration, bool) {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil
}

// Until is when the quiet hours that t falls into end; zero when t is in none.
func (q QuietHours) Until(t time.Time) time.Time {
	if q.From == q.To {
		return time.Time{}
	}
	midnight := wxcast.DayOf(t).Begin()
	at := t.Sub(midnight)
	switch {
	case q.From < q.To && at >= q.From && at < q.To, q.From > q.To && at < q.To:
		return midnight.Add(q.To)
	case q.From > q.To && at >= q.From:
		return wxcast.DayOf(t).Next().Begin().Add(q.To)
	}
	return time.Time{}
}

// String is the hours as they are written, or "none".
func (q QuietHours) String() string {
	if q.From == q.To {
		return "none"
	}
	form := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return form(q.From) + "-" + form(q.To)
}
