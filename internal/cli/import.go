package cli

import (
	"context"
	"encoding/csv"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/private"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// importFromEnv may hold the source's URL, so that its password need not stand on
// the command line.
const importFromEnv = "WXCAST_IMPORT_FROM"

type importFlags struct {
	mini, from, query, rejects        string
	columns                           bridge.Columns
	strict, replace, allowMassRemoval bool
	takeOver                          bool
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import FILE | import --from URL --query SQL",
		Example: `  wxcast import mini.csv
  wxcast import users.jsonl.gz --unionid-column union_id --openid-column open_id
  wxcast import --from 'mysql://reader:password@db/shop' --query 'SELECT unionid, openid FROM users'
  ` + importFromEnv + `=postgres://… wxcast import --query 'SELECT …' --replace`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rows, source, done, err := a.importSource(cmd.Context(), args, f)
			if err != nil {
				return err
			}
			defer done()
			of, err := a.openAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			summary, err := a.runImport(asked(cmd), of, rows, source, f)
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) { a.writeImport(w, summary) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.mini, "mini", "", "")
	flags.StringVar(&f.columns.UnionID, "unionid-column", "unionid", "")
	flags.StringVar(&f.columns.OpenID, "openid-column", "openid", "")
	flags.StringVar(&f.from, "from", "", "")
	flags.StringVar(&f.query, "query", "", "")
	flags.BoolVar(&f.strict, "strict", false, "")
	flags.StringVar(&f.rejects, "rejects", "", "")
	flags.BoolVar(&f.replace, "replace", false, "")
	flags.BoolVar(&f.takeOver, "take-over", false, "")
	flags.BoolVar(&f.allowMassRemoval, "allow-mass-removal", false, "")
	return cmd
}

// importSource opens what the command line names.
func (a *app) importSource(ctx context.Context, args []string, f importFlags) (rows iter.Seq2[bridge.Row, error],
	name string, done func(), err error) {
	from := f.from
	if from == "" && len(args) == 0 {
		from = a.Getenv(importFromEnv)
	}
	switch {
	case len(args) == 1 && (from != "" || f.query != ""):
		return nil, "", nil, usageError{wxcast.NewError("import.file_or_from")}
	case len(args) == 1:
		in, name, err := openInput(args[0], a.In)
		if err != nil {
			return nil, "", nil, err
		}
		return bridge.ReadFile(in, name, f.columns), name, func() { _ = in.Close() }, nil
	case from != "" && f.query != "":
		return bridge.ReadDatabase(ctx, from, f.query, f.columns), "the query's result", func() {}, nil
	case from != "":
		return nil, "", nil, usageError{wxcast.NewError("import.needs_query")}
	}
	return nil, "", nil, usageError{wxcast.NewError("import.needs_source")}
}

func openInput(arg string, stdin io.Reader) (io.ReadCloser, string, error) {
	if arg == "-" {
		return io.NopCloser(stdin), "standard input", nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, "", &wxcast.BadInput{File: arg, Problem: wxcast.Say("input.unreadable"),
			Want: wxcast.Say("input.want_file_or_stdin")}
	}
	return f, arg, nil
}

// importResult is a summary with where the rejected rows went.
type importResult struct {
	bridge.ImportSummary
	RejectsFile string `json:"rejects_file,omitempty"`
}

func (a *app) runImport(ctx context.Context, of *account.Account, rows iter.Seq2[bridge.Row, error], source string,
	f importFlags) (importResult, error) {
	rejects := &rejectsFile{name: f.rejects, lang: a.lang}
	if rejects.name == "" {
		rejects.name = "wxcast-import.rejected.csv"
		if _, err := os.Stat(source); err == nil {
			rejects.name = source + ".rejected.csv"
		}
	}
	bar := a.progress(a.lang.T("progress.importing"))
	defer bar.end()
	summary, err := of.ImportMiniUsers(ctx, counted(rows, bar), account.ImportOptions{
		MiniAppID: f.mini, Source: source, Strict: f.strict, Replace: f.replace, AllowMassRemoval: f.allowMassRemoval,
		TakeOver: f.takeOver,
		Reject:   rejects.add,
	})
	closeErr := rejects.close()
	if err != nil {
		return importResult{}, err
	}
	result := importResult{ImportSummary: summary}
	if summary.Rejected > 0 {
		result.RejectsFile = rejects.name
	}
	return result, closeErr
}

// counted shows on the bar how many rows have passed.
func counted(rows iter.Seq2[bridge.Row, error], bar *progress) iter.Seq2[bridge.Row, error] {
	return func(yield func(bridge.Row, error) bool) {
		n := int64(0)
		for row, err := range rows {
			if n++; n%1000 == 0 {
				bar.set(n, 0)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// rejectsFile takes the rejected rows; it is made when there is one.
type rejectsFile struct {
	name string
	lang text.Lang
	file *os.File
	csv  *csv.Writer
	err  error
}

func (r *rejectsFile) add(row bridge.Rejected) {
	if r.err != nil {
		return
	}
	if r.file == nil {
		if r.file, r.err = private.Create(r.name); r.err != nil {
			return
		}
		r.csv = csv.NewWriter(r.file)
		r.err = r.csv.Write([]string{"line", "reason", "unionid", "openid"})
	}
	if err := r.csv.Write([]string{strconv.FormatInt(row.Line, 10), foreign.Cell(r.lang.Say(row.Reason)),
		foreign.Cell(row.UnionID), foreign.Cell(row.OpenID)}); err != nil {
		r.err = err
	}
}

func (r *rejectsFile) close() error {
	if r.file != nil {
		r.csv.Flush()
		if r.err == nil {
			r.err = r.csv.Error()
		}
		if err := r.file.Close(); r.err == nil {
			r.err = err
		}
	}
	if r.err != nil {
		return wxcast.NewError("import.rejects_lost", "why", r.err)
	}
	return nil
}

func (a *app) writeImport(w io.Writer, s importResult) {
	a.line(w, "import.read", "rows", s.Rows, "new", s.Inserted, "changed", s.Updated, "removed", s.Removed, "rejected",
		s.Rejected)
	if s.RejectsFile != "" {
		a.line(w, "import.rejects", "file", s.RejectsFile)
	}
}
