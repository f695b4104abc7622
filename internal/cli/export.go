package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/private"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// exportFlags say where rows go, and in which form.
type exportFlags struct {
	format, out string
	excel       bool
}

func (f *exportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "format", account.Formats[0], "")
	cmd.Flags().StringVar(&f.out, "out", "", "")
	cmd.Flags().BoolVar(&f.excel, "excel", false, "")
}

func (f *exportFlags) check() error {
	if f.excel {
		f.format = account.FormatExcel
	}
	if !slices.Contains(account.Formats, f.format) {
		return badFlag("format", wxcast.Say("input.invalid", "value", f.format),
			wxcast.Say("input.use", "known", account.Formats))
	}
	return nil
}

// exportCommand is a command that writes rows.
func (a *app) exportCommand(what, example string, write func(ctx context.Context, of *account.Account, format string,
	w io.Writer) (int64, error)) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:     "export",
		Example: example,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			return a.export(what, f, func(w io.Writer) (int64, error) { return write(asked(cmd), of, f.format, w) })
		},
	}
	f.add(cmd)
	return cmd
}

// export writes rows, and tells how many where they went to a file.
func (a *app) export(what string, f exportFlags, write func(io.Writer) (int64, error)) error {
	if f.out == "" {
		_, err := write(a.Out)
		return err
	}
	file, err := private.Create(f.out)
	if err != nil {
		return &wxcast.BadInput{Key: "out", Problem: wxcast.Say("input.unwritable", "why", err),
			Want: wxcast.Say("input.want_writes")}
	}
	defer file.Close() // a second time, after an error
	n, err := write(file)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return a.print(map[string]any{what: n, "file": f.out}, func(w io.Writer) {
		a.line(w, "export.wrote", "n", n, "what", wxcast.Say("export."+what), "file", f.out)
	})
}
