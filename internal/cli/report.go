package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// reportFormats are what --format takes.
var reportFormats = []string{"table", "json", "csv", "html"}

func (a *app) reportCommand() *cobra.Command {
	var day, format, language string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Report a day: quotas, followers, bridges, broadcasts",
		Long: `Report one Beijing day: each API's quota and use, the followers and who came and
left, the coverage of the mini program, and each broadcast's deliveries. For today
WeChat is asked for the quotas first.`,
		Example: "  wxcast report\n  wxcast report --day 2026-11-20 --format csv\n  wxcast report --format html --lang en > report.html\n  wxcast report --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(reportFormats, format) {
				return usageError{fmt.Errorf("--format: %q is no format; write one of %s", format, strings.Join(reportFormats, ", "))}
			}
			if !slices.Contains(report.Languages, language) {
				return usageError{fmt.Errorf("--lang: %q is no language of the page; write one of %s", language, strings.Join(report.Languages, ", "))}
			}
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			of := wxcast.DayOf(s.db.Now())
			if day != "" {
				if of, err = wxcast.ParseDay(day); err != nil {
					return usageError{fmt.Errorf("--day: %q is no date; write it as 2026-11-30", day)}
				}
			}
			if (format == "csv" || format == "html") && !a.json {
				return s.WriteReport(cmd.Context(), of, format, language, a.Out)
			}
			r, err := s.Report(cmd.Context(), of)
			if err != nil {
				return err
			}
			a.json = a.json || format == "json"
			return a.print(r, func(w io.Writer) { report.WriteTable(w, r) })
		},
	}
	cmd.Flags().StringVar(&day, "day", "", "Beijing `DATE` as YYYY-MM-DD (default today)")
	cmd.Flags().StringVar(&format, "format", "table", strings.Join(reportFormats, ", "))
	cmd.Flags().StringVar(&language, "lang", report.Languages[0], "language of the HTML page: "+strings.Join(report.Languages, ", "))
	return cmd
}

// Report reports a day.
func (s *session) Report(ctx context.Context, day wxcast.Day) (report.Report, error) {
	s.noteCalls(ctx)
	account, err := s.reportAccount(ctx)
	if err != nil {
		return report.Report{}, err
	}
	var quotas report.QuotaReader
	if s.client != nil {
		quotas = s.client
	}
	return report.Make(ctx, s.db, quotas, account, day, s.log)
}

// WriteReport writes a day's report as CSV or HTML.
func (s *session) WriteReport(ctx context.Context, day wxcast.Day, format, language string, w io.Writer) error {
	r, err := s.Report(ctx, day)
	if err != nil {
		return err
	}
	if format == "csv" {
		return report.WriteCSV(w, r)
	}
	return s.writePage(ctx, r, language, w)
}

// writePage writes a report as HTML.
func (s *session) writePage(ctx context.Context, r report.Report, language string, w io.Writer) error {
	history, err := report.History(ctx, s.db, s.accountID, r.Day)
	if err != nil {
		return err
	}
	return report.WriteHTML(w, r, history, language)
}

// ReportDays are those whose morning report was kept, the latest first.
func (s *session) ReportDays(ctx context.Context) ([]wxcast.Day, error) {
	return s.db.ReportDays(ctx, s.accountID)
}
