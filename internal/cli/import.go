package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// rejectsShown is how many rejected rows are told one by one.
const rejectsShown = 10

func (a *app) importCommand() *cobra.Command {
	var mini string
	var format bridge.CSV
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring the mini program's users into the database",
		Long: `Read the mini program's users from a CSV file whose first line names the
columns: the unionid, and the openid in the mini program. New users are added,
those whose unionid changed are changed; nobody is removed. "-" reads standard
input.

Rows without a usable unionid or openid are counted as rejected and left out. A
file whose form is broken is refused as a whole.`,
		Example: `  wxcast import mini.csv
  wxcast import users.csv --unionid-column union_id --openid-column open_id
  mysql … | wxcast import -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, name, err := openInput(args[0], a.In)
			if err != nil {
				return err
			}
			defer in.Close()
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			_, miniID, err := s.miniProgram(cmd.Context(), mini)
			if err != nil {
				return err
			}
			format.Name = name
			summary, err := a.runImport(cmd.Context(), s, miniID, in, format)
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) { writeImport(w, summary) })
		},
	}
	cmd.Flags().StringVar(&mini, "mini", "", "`APPID` of the mini program, where the account has several")
	cmd.Flags().StringVar(&format.UnionIDColumn, "unionid-column", "unionid", "`NAME` of the column with the unionid")
	cmd.Flags().StringVar(&format.OpenIDColumn, "openid-column", "openid", "`NAME` of the column with the openid in the mini program")
	return cmd
}

func openInput(arg string, stdin io.Reader) (io.ReadCloser, string, error) {
	if arg == "-" {
		return io.NopCloser(stdin), "standard input", nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, "", &wxcast.BadInput{File: arg, Problem: "cannot be read", Want: "name a file that exists, or - for standard input"}
	}
	return f, arg, nil
}

func (a *app) runImport(ctx context.Context, s *session, miniID int64, in io.Reader, format bridge.CSV) (bridge.ImportSummary, error) {
	told := 0
	return bridge.ImportCSV(ctx, s.db, miniID, in, format, func(r bridge.Rejected) {
		switch told++; {
		case told <= rejectsShown:
			a.say("%s:%d: rejected: %s", format.Name, r.Line, r.Reason)
		case told == rejectsShown+1:
			a.say("%s: more rows are rejected; the count follows", format.Name)
		}
	})
}

func writeImport(w io.Writer, s bridge.ImportSummary) {
	fmt.Fprintf(w, "Read %s mini users: %s new, %s changed, %s rejected.\n", count(s.Rows), count(s.Inserted), count(s.Updated), count(s.Rejected))
}
