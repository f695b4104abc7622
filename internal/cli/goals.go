package cli

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/textfile"
	"github.com/wxcast/wxcast/internal/visit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// rowsTold are the lines that are told at a time, and refusalsShown those of the others that are
// shown.
const rowsTold, refusalsShown = 1000, 20

// told is what became of a file's lines.
type told struct {
	Rows     int   `json:"rows"`
	Added    int64 `json:"added"`
	Rejected int   `json:"rejected"`
}

func (a *app) goalsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "goals"}
	cmd.AddCommand(a.importLines("import FILE", "  wxcast goals import orders.csv",
		[]string{"id", "goal"}, []string{"amount", "at", "key"},
		func(ctx context.Context, of *account.Account, lines []map[string]string) (int64, []error, error) {
			all := make([]account.GoalRequest, len(lines))
			for i, l := range lines {
				all[i] = account.GoalRequest{To: l["id"], Goal: l["goal"], Amount: l["amount"], At: l["at"],
					Key: l["key"]}
			}
			return of.AddGoals(ctx, all)
		}))
	return cmd
}

func (a *app) visitsCommand() *cobra.Command {
	var mini string
	cmd := &cobra.Command{Use: "visits"}
	sub := a.importLines("import FILE", "  wxcast visits import visits.csv",
		[]string{"mini_openid", visit.Param}, []string{"at", "scene"},
		func(ctx context.Context, of *account.Account, lines []map[string]string) (added int64, bad []error,
			err error) {
			bad = make([]error, len(lines))
			for i, l := range lines {
				counted, err := of.AddVisit(ctx, mini, account.VisitRow{MiniOpenID: l["mini_openid"],
					Mark: l[visit.Param], At: l["at"], Scene: l["scene"]})
				var input *wxcast.BadInput
				switch {
				case counted:
					added++
				case errors.As(err, &input):
					bad[i] = err
				case err != nil:
					return added, bad, err
				}
			}
			return added, bad, nil
		})
	sub.Flags().StringVar(&mini, "mini", "", "")
	cmd.AddCommand(sub)
	return cmd
}

// importLines is a command that reads a CSV with some columns, and some more that may be there,
// and tells the account of its lines.
func (a *app) importLines(use, example string, columns, more []string,
	tell func(context.Context, *account.Account, []map[string]string) (int64, []error, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Example: example, Args: cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			in, name, err := openInput(args[0], a.In)
			if err != nil {
				return err
			}
			defer in.Close()
			var sum told
			some, from := []map[string]string{}, 2
			flush := func() error {
				if len(some) == 0 {
					return nil
				}
				added, bad, err := tell(ctx, of, some)
				sum.Rows, sum.Added = sum.Rows+len(some), sum.Added+added
				for i, one := range bad {
					if one == nil {
						continue
					}
					if sum.Rejected++; sum.Rejected <= refusalsShown {
						a.say("goals.line", "file", name, "line", from+i, "why", one)
					}
				}
				from, some = from+len(some), some[:0]
				return err
			}
			err = readLines(in, name, columns, more, func(line map[string]string) error {
				if some = append(some, line); len(some) == rowsTold {
					return flush()
				}
				return nil
			})
			if err = errors.Join(err, flush()); err != nil {
				return err
			}
			return a.print(sum, func(w io.Writer) {
				a.line(w, "goals.imported", "rows", sum.Rows, "added", sum.Added, "rejected", sum.Rejected)
			})
		}),
	}
}

// readLines reads a CSV's lines by their columns.
func readLines(in io.Reader, name string, columns, more []string, line func(map[string]string) error) error {
	text, err := textfile.Decode(in, name)
	if err != nil {
		return err
	}
	csv, err := textfile.NewCSV(text, name)
	if err != nil {
		return err
	}
	for _, column := range columns {
		if !slices.Contains(csv.Columns, column) {
			return &wxcast.BadInput{File: name, Line: 1, Key: column, Problem: wxcast.Say("permits.no_column"),
				Want: wxcast.Say("goals.want_columns", "columns", slices.Concat(columns, more))}
		}
	}
	for {
		record, err := csv.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !record.Problem.IsZero() {
			return &wxcast.BadInput{File: name, Line: int(record.Line), Problem: record.Problem}
		}
		of := make(map[string]string, len(csv.Columns))
		for i, column := range csv.Columns {
			of[column] = record.Fields[i]
		}
		if err := line(of); err != nil {
			return err
		}
	}
}
