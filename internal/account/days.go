package account

import (
	"context"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// DaysMax is how many days are told of at once.
const DaysMax = 366

// DayFigures are what happened on one Beijing day, in numbers.
type DayFigures struct {
	Day wxcast.Day `json:"day"`
	// Calls are wxcast's own that send messages, by channel; they count against the quota whatever
	// WeChat answers.
	Calls map[string]int64 `json:"calls"`
	Sent  int64            `json:"-"` // all of them
	// Limit and Used are the quota of template messages; 0 where WeChat was not asked.
	Limit  int64 `json:"limit"`
	Used   int64 `json:"used"`
	Gained int64 `json:"gained"`
	Lost   int64 `json:"lost"`
}

// Days are the figures of each day from one to another, both with. Of followers they look at all:
// with millions that takes a while.
func (a *Account) Days(ctx context.Context, from, to wxcast.Day) ([]DayFigures, error) {
	if from > to {
		return nil, &wxcast.BadInput{Key: "from", Problem: wxcast.Say("days.backwards", "from", string(from), "to",
			string(to)), Want: wxcast.Say("days.want_forwards")}
	}
	if n := int(to.Begin().Sub(from.Begin()).Hours()/24) + 1; n > DaysMax {
		return nil, &wxcast.BadInput{Key: "from", Problem: wxcast.Say("days.too_many", "n", n),
			Want: wxcast.Say("days.want_fewer", "most", DaysMax)}
	}
	growth, err := a.db.GrowthByDay(ctx, a.ID, from.Begin(), to.Next().Begin())
	if err != nil {
		return nil, err
	}
	var days []DayFigures
	at := map[wxcast.Day]int{}
	for d := from; d <= to; d = d.Next() {
		at[d] = len(days)
		days = append(days, DayFigures{Day: d, Calls: map[string]int64{}, Gained: growth[d].Gained, Lost: growth[d].Lost})
	}
	minis, err := a.minis(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range Channels {
		apps := []int64{a.ID}
		for _, m := range minis {
			apps = append(apps, m.ID)
		}
		for _, app := range apps {
			quotas, err := a.db.QuotaHistory(ctx, app, c.API, from, to)
			if err != nil {
				return nil, err
			}
			for _, q := range quotas {
				d := &days[at[q.Day]]
				d.Calls[c.Name] += q.Ours
				d.Sent += q.Ours
				if c.Name == Channels[0].Name && app == a.ID {
					d.Limit, d.Used = q.Limit, q.Used
				}
			}
		}
	}
	return days, nil
}
