// Package value reads what people write as values, and knows its bounds: the same in the
// configuration, in a spec, in a flag and in a call.
package value

import (
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Bounds of what may be asked for.
const (
	RateMin, RateMax = 0.01, 100_000 // messages or calls per second
	PriorityMax      = 100           // above and below 0
)

// Share reads a share of a whole, such as 20% or 0.2; false for what is none from 0 to 1.
func Share(text string) (share float64, ok bool) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	return share, err == nil && share >= 0 && share <= 1
}

// Cron reads a cron expression of five fields, such as "0 3 * * *", in Beijing time;
// "CRON_TZ=UTC 0 3 * * *" is in another zone. An expression without times of the clock, such
// as @every 1h, is none: every process would count from its own start.
func Cron(text string) (*cron.SpecSchedule, error) {
	parsed, err := cron.ParseStandard(sundayIsZero(text))
	if err != nil {
		return nil, wxcast.NewError("config.no_cron").Of(err)
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, wxcast.NewError("config.no_clock_times")
	}
	if !strings.Contains(text, "TZ=") {
		schedule.Location = wxcast.Beijing
	}
	if schedule.Next(time.Now()).IsZero() {
		return nil, wxcast.NewError("config.never_comes")
	}
	return schedule, nil
}

// sundayIsZero writes Sunday as 0 where it is 7, as other crons take it.
func sundayIsZero(text string) string {
	fields := strings.Fields(text)
	if len(fields) == 0 || len(fields) < 5 {
		return text
	}
	days := strings.Split(fields[len(fields)-1], ",")
	for i, day := range days {
		switch from, to, isRange := strings.Cut(day, "-"); {
		case day == "7":
			days[i] = "0"
		case isRange && from == "7":
			days[i] = "0-" + to
		case isRange && to == "7":
			if days[i] = from + "-6,0"; from == "0" || from == "7" {
				days[i] = "0-6"
			}
		}
	}
	fields[len(fields)-1] = strings.Join(days, ",")
	return strings.Join(fields, " ")
}
