package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// reportFormats are what --format takes.
var reportFormats = []string{"table", "json", "csv", "html"}

func (a *app) reportCommand() *cobra.Command {
	var day, format, from, to string
	cmd := &cobra.Command{
		Use:     "report",
		Example: "  wxcast report\n  wxcast report --day 2026-11-20 --format csv\n  wxcast report --format html --lang en > report.html\n  wxcast report --from 2026-11-01 --to 2026-11-30\n  wxcast report --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(reportFormats, format) {
				return badFlag("format", wxcast.Say("input.invalid", "value", format),
					wxcast.Say("input.use", "known", reportFormats))
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			today := wxcast.DayOf(of.Now())
			if from != "" || to != "" {
				return a.printDays(cmd.Context(), of, from, to, today)
			}
			at, err := dayFlag("day", day, today)
			if err != nil {
				return err
			}
			if (format == "csv" || format == "html") && !a.json {
				lang := text.Chinese // as its readers have it, unless a language is asked for
				if a.langFlag != "" {
					lang = a.lang
				}
				return of.WriteReport(cmd.Context(), at, format, lang, a.Out)
			}
			r, err := of.Report(cmd.Context(), at)
			if err != nil {
				return err
			}
			a.json = a.json || format == "json"
			return a.print(r, func(w io.Writer) { report.WriteTable(w, r, a.lang) })
		},
	}
	cmd.Flags().StringVar(&day, "day", "", "")
	cmd.Flags().StringVar(&from, "from", "", "")
	cmd.Flags().StringVar(&to, "to", "", "")
	cmd.Flags().StringVar(&format, "format", "table", "")
	for _, one := range []string{"from", "to"} {
		cmd.MarkFlagsMutuallyExclusive("day", one)
		cmd.MarkFlagsMutuallyExclusive("format", one)
	}
	return cmd
}

// dayFlag is the day that a flag names, or another where it does not.
func dayFlag(name, value string, otherwise wxcast.Day) (wxcast.Day, error) {
	if value == "" {
		return otherwise, nil
	}
	day, err := wxcast.ParseDay(value)
	if err != nil {
		return "", badFlag(name, wxcast.Say("input.date", "value", value), wxcast.Say("input.want_date"))
	}
	return day, nil
}

// printDays writes the figures of each day from one to another.
func (a *app) printDays(ctx context.Context, of *account.Account, from, to string, today wxcast.Day) error {
	last, err := dayFlag("to", to, today)
	if err != nil {
		return err
	}
	first, err := dayFlag("from", from, last)
	if err != nil {
		return err
	}
	days, err := of.Days(ctx, first, last)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"days": days}, func(w io.Writer) { a.writeDays(w, days) })
}

// writeDays writes the figures of days, a line each.
func (a *app) writeDays(w io.Writer, days []account.DayFigures) {
	rows := [][]string{{a.lang.T("col.day"), a.lang.T("col.messages"), a.lang.T("col.gained"), a.lang.T("col.gone"),
		a.lang.T("col.limit"), a.lang.T("col.used")}}
	for _, d := range days {
		rows = append(rows, []string{string(d.Day), text.Count(d.Sent), text.Count(d.Gained), text.Count(d.Lost),
			text.Count(d.Limit), text.Count(d.Used)})
	}
	table.Write(w, "", rows...)
}
