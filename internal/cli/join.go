package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) joinCommand() *cobra.Command {
	var mini string
	cmd := &cobra.Command{
		Use:     "join",
		Example: "  wxcast join\n  wxcast join --mini wx0123456789abcdef --json",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			summary, err := of.Join(ctx, mini)
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) { a.writeJoin(w, summary) })
		}),
	}
	cmd.Flags().StringVar(&mini, "mini", "", "")
	return cmd
}

func (a *app) writeJoin(w io.Writer, s bridge.JoinSummary) {
	a.line(w, "join.joined", "seconds", s.Seconds, "new", s.New, "changed", s.Changed, "removed", s.Removed)
	a.writeCoverage(w, s.Coverage)
}

func (a *app) writeCoverage(w io.Writer, c bridge.Coverage) {
	row := func(code string, n int64, part string) []string {
		return []string{"  " + a.lang.T(code), count(n), part}
	}
	table.Write(w, "",
		row("count.followers", c.Followers, ""),
		row("count.with_unionid", c.WithUnionID, share(c.WithUnionID, c.Followers)),
		row("count.mini_user_known", c.MiniUserKnown, share(c.MiniUserKnown, c.Followers)),
		row("count.bridged", c.Joined, share(c.Joined, c.Followers)),
		row("count.mini_users", c.MiniUsers, ""),
	)
	if c.Joined == c.Followers {
		return
	}
	a.line(w, "join.not_bridged")
	reason := func(n int64, code string, pairs ...any) {
		if n > 0 {
			fmt.Fprintln(w, "  "+a.lang.T(code, append(pairs, "n", n)...))
		}
	}
	switch {
	case c.WithUnionID == 0:
		reason(c.WithoutUnionID, "join.bind")
	default:
		reason(c.WithoutUnionID, "join.no_unionid_yet")
	}
	switch {
	case c.MiniUsers == 0:
		reason(c.NotInMiniProgram, "join.import")
	case c.WithUnionID > 0 && c.MiniUserKnown == 0:
		reason(c.NotInMiniProgram, "join.other_platform")
	default:
		reason(c.NotInMiniProgram, "join.not_in_mini_program")
	}
	reason(c.Ambiguous, "join.ambiguous", "followers", c.Conflicts.Followers, "mini_users", c.Conflicts.MiniUsers)
}
