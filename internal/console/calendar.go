package console

import (
	"context"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// daysKey are the days from one to another of an account.
type daysKey struct {
	account  int64
	from, to wxcast.Day
}

// days are the figures of some days; nil while they are being counted.
func (c *call) days(from, to wxcast.Day) (*[]account.DayFigures, error) {
	a := c.Account
	return c.con.days.get(c.r.Context(), daysKey{a.ID, from, to}, c.patience,
		func(ctx context.Context, _ *[]account.DayFigures) ([]account.DayFigures, error) {
			return a.Days(ctx, from, to)
		})
}

// shades are how dark a day of the calendar can be, by how much was sent.
const shades = 4

// calendarDay is a day in the calendar.
type calendarDay struct {
	account.DayFigures
	N        int  // of the month; 0 outside of it
	Reported bool // there is a report of it
	Shade    int  // 0 to shades
}

type calendarView struct {
	Month, Before, After string // such as "2026-11"; "" for none
	Weeks                [][7]calendarDay
	Counted              bool // the figures are there
	Days                 []wxcast.Day
	Today                wxcast.Day
}

// Weekdays are the codes of their names, from Monday.
func (calendarView) Weekdays() []string {
	return []string{"console.weekday1", "console.weekday2", "console.weekday3", "console.weekday4", "console.weekday5",
		"console.weekday6", "console.weekday7"}
}

// reports shows the days of a month, and what was sent on each.
func (c *call) reports() error {
	kept, err := c.Account.ReportDays(c.ctx())
	if err != nil {
		return err
	}
	today := wxcast.DayOf(c.Account.Now())
	if !slices.Contains(kept, today) {
		kept = slices.Insert(kept, 0, today)
	}
	month := today.Begin().AddDate(0, 0, 1-today.Begin().Day())
	asked, err := time.ParseInLocation("2006-01", c.Query("month"), wxcast.Beijing)
	if err == nil && !asked.After(month) && asked.Year() > 2000 {
		month = asked
	}
	first, last := wxcast.DayOf(month), wxcast.DayOf(month.AddDate(0, 1, -1))
	figures, err := c.days(first, min(last, today))
	if err != nil {
		return err
	}
	v := calendarView{Month: month.Format("2006-01"), Before: month.AddDate(0, -1, 0).Format("2006-01"),
		Counted: figures != nil, Days: kept, Today: today}
	if after := month.AddDate(0, 1, 0); wxcast.DayOf(after) <= today {
		v.After = after.Format("2006-01")
	}
	var all []account.DayFigures
	if figures != nil {
		all = *figures
	}
	v.Weeks = weeks(month, all, kept)
	return c.show("reports", v)
}

// weeks are a month's days, a week from Monday in a row.
func weeks(month time.Time, figures []account.DayFigures, reported []wxcast.Day) (all [][7]calendarDay) {
	var most int64 = 1
	for _, d := range figures {
		most = max(most, d.Sent)
	}
	at := (int(month.Weekday()) + 6) % 7 // 0 is Monday
	for d := month; d.Month() == month.Month(); d = d.AddDate(0, 0, 1) {
		if at == 0 || len(all) == 0 {
			all = append(all, [7]calendarDay{})
		}
		day := calendarDay{N: d.Day(), Reported: slices.Contains(reported, wxcast.DayOf(d))}
		day.Day = wxcast.DayOf(d)
		if i := d.Day() - 1; i < len(figures) {
			day.DayFigures = figures[i]
			day.Shade = int((day.Sent*shades + most - 1) / most)
		}
		all[len(all)-1][at] = day
		at = (at + 1) % 7
	}
	return all
}
