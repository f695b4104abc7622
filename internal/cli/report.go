package cli

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// reportFormats are what --format takes.
var reportFormats = []string{"table", "json", "csv", "html"}

func (a *app) reportCommand() *cobra.Command {
	var day, format string
	cmd := &cobra.Command{
		Use:     "report",
		Example: "  wxcast report\n  wxcast report --day 2026-11-20 --format csv\n  wxcast report --format html --lang en > report.html\n  wxcast report --json",
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
			at := wxcast.DayOf(of.Now())
			if day != "" {
				if at, err = wxcast.ParseDay(day); err != nil {
					return badFlag("day", wxcast.Say("input.date", "value", day), wxcast.Say("input.want_date"))
				}
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
	cmd.Flags().StringVar(&format, "format", "table", "")
	return cmd
}
