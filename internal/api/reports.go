package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// OfDay is the path of a Beijing date.
type OfDay struct {
	Day string `path:"day" format:"date" doc:"a Beijing date, such as 2026-11-30"`
}

func (d OfDay) parse() (wxcast.Day, error) {
	parsed, err := wxcast.ParseDay(d.Day)
	if err != nil {
		return parsed, &wxcast.BadInput{Key: "day", Problem: wxcast.Say("input.date", "value", d.Day),
			Want: wxcast.Say("input.want_date")}
	}
	return parsed, nil
}

// reportPage is a report in a form for people.
type reportPage struct {
	OfDay
	Format   string `path:"format" enum:"csv,html"`
	Language string `query:"lang" enum:"zh,en" default:"zh" doc:"of the HTML page"`
}

func (p reportPage) contentType() string {
	if p.Format == "html" {
		return "text/html; charset=utf-8"
	}
	return "text/csv; charset=utf-8"
}

func (a *API) addReports() {
	type reportDays struct {
		Days []wxcast.Day `json:"days"` // the latest first
	}
	register(a, operation("list-reports", http.MethodGet, "/reports", "The days whose report was kept",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, _ *struct{}) (reportDays, error) {
			days, err := of.ReportDays(ctx)
			return reportDays{days}, err
		})
	type span struct {
		From string `query:"from" required:"true" format:"date" doc:"the first Beijing date"`
		To   string `query:"to" required:"true" format:"date" doc:"the last, at most a year on"`
	}
	type daysOf struct {
		Days []account.DayFigures `json:"days"`
	}
	register(a, operation("list-days", http.MethodGet, "/days", "What was sent on each day, and who came and left",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, in *span) (daysOf, error) {
			from, fromErr := OfDay{in.From}.parse()
			to, toErr := OfDay{in.To}.parse()
			if err := errors.Join(fromErr, toErr); err != nil {
				return daysOf{}, err
			}
			days, err := of.Days(ctx, from, to)
			return daysOf{days}, err
		})
	register(a, operation("get-report", http.MethodGet, "/reports/{day}",
		"Report a day: quotas, followers, bridges, broadcasts", wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, in *OfDay) (report.Report, error) {
			d, err := in.parse()
			if err != nil {
				return report.Report{}, err
			}
			return of.Report(ctx, d)
		})
	stream(a, operation("get-report-page", http.MethodGet, "/reports/{day}/{format}",
		"Report a day as CSV, or as a page to look at", wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, in *reportPage, w io.Writer) error {
			d, err := in.parse()
			if err != nil {
				return err
			}
			return of.WriteReport(ctx, d, in.Format, text.Lang(in.Language), w)
		})
}
