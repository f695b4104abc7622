package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/doctor"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) doctorCommand() *cobra.Command {
	var template, callback string
	cmd := &cobra.Command{
		Use: "doctor",
		Example: `  wxcast doctor
  wxcast doctor --account shop --template TPL_ID --json
  wxcast doctor --callback https://example.com/wechat/shop`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			of, err := cfg.Account(a.account)
			if err != nil {
				return err
			}
			checks := doctor.Examine(cmd.Context(), doctor.Options{Config: cfg, Account: of, Template: template,
				Callback: callback, Lang: a.lang, Door: text.CLI})
			if err := a.print(map[string]any{"checks": checks},
				func(w io.Writer) { writeChecks(w, checks) }); err != nil {
				return err
			}
			if doctor.Failed(checks) {
				return wxcast.NewError("doctor.failed")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&template, "template", "", "")
	cmd.Flags().StringVar(&callback, "callback", "", "")
	return cmd
}

func writeChecks(w io.Writer, checks []doctor.Check) {
	var rows [][]string
	for _, c := range checks {
		rows = append(rows, []string{c.Result, c.Name, c.Text})
		if c.Mend != "" {
			rows = append(rows, []string{"", "", "→ " + c.Mend})
		}
	}
	table.Write(w, "", rows...)
}
