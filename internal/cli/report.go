package cli

import (
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
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			at := wxcast.DayOf(of.Now())
			if day != "" {
				if at, err = wxcast.ParseDay(day); err != nil {
					return usageError{fmt.Errorf("--day: %q is no date; write it as 2026-11-30", day)}
				}
			}
			if (format == "csv" || format == "html") && !a.json {
				return of.WriteReport(cmd.Context(), at, format, language, a.Out)
			}
			r, err := of.Report(cmd.Context(), at)
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
