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
		Use:   "join",
		Short: "Join followers to mini users by unionid, and show the coverage",
		Long: `Bring the bridges between the account's followers and the mini program's users
up to date, and tell how many followers can be reached in the mini program, and
why the others cannot. A unionid that stands on two followers, or on two mini
users, joins nobody.`,
		Example: "  wxcast join\n  wxcast join --mini wx0123456789abcdef --json",
		Args:    cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			summary, err := of.Join(ctx, mini)
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) { writeJoin(w, summary) })
		}),
	}
	cmd.Flags().StringVar(&mini, "mini", "", "`APPID` of the mini program, where the account has several")
	return cmd
}

func writeJoin(w io.Writer, s bridge.JoinSummary) {
	fmt.Fprintf(w, "Joined in %.1f s: %s new, %s changed, %s removed.\n", s.Seconds, count(s.New), count(s.Changed), count(s.Removed))
	writeCoverage(w, s.Coverage)
}

func writeCoverage(w io.Writer, c bridge.Coverage) {
	table.Write(w, "",
		[]string{"  followers", count(c.Followers), ""},
		[]string{"  with unionid", count(c.WithUnionID), share(c.WithUnionID, c.Followers)},
		[]string{"  mini user known", count(c.MiniUserKnown), share(c.MiniUserKnown, c.Followers)},
		[]string{"  bridged", count(c.Joined), share(c.Joined, c.Followers)},
		[]string{"  mini users", count(c.MiniUsers), ""},
	)
	if c.Joined == c.Followers {
		return
	}
	fmt.Fprintln(w, "Not bridged, and what would change it:")
	reason := func(n int64, text string) {
		if n > 0 {
			fmt.Fprintf(w, "  %s %s\n", count(n), text)
		}
	}
	switch {
	case c.WithUnionID == 0:
		reason(c.WithoutUnionID, "have no unionid: bind the account to your Open Platform account (open.weixin.qq.com), then sync again.")
	default:
		reason(c.WithoutUnionID, "have no unionid yet: a sync asks again by itself, ever less often; wxcast sync --full asks now.")
	}
	switch {
	case c.MiniUsers == 0:
		reason(c.NotInMiniProgram, "are no mini users that wxcast knows: import the mini program's users (wxcast import).")
	case c.WithUnionID > 0 && c.MiniUserKnown == 0:
		reason(c.NotInMiniProgram, "are no mini users, and nobody is: is the mini program bound to the same Open Platform account, and the import its own?")
	default:
		reason(c.NotInMiniProgram, "are no mini users that wxcast knows: they must open the mini program once, and be in the next import.")
	}
	reason(c.Ambiguous, fmt.Sprintf("share a unionid with someone (%s unionids stand on several followers, %s on several mini users): nobody is guessed; mend the source.",
		count(c.Conflicts.Followers), count(c.Conflicts.MiniUsers)))
}
