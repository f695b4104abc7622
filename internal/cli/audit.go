package cli

import (
	"context"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// audited are the commands that change something; false where the arguments name a
// person, and are not written down.
var audited = map[string]bool{
	"sync": true, "import": true, "join": true,
	"broadcast test": true, "broadcast run": true, "broadcast create": true, "broadcast start": true, "broadcast pause": true,
	"broadcast resume": true, "broadcast cancel": true, "broadcast rate": true, "broadcast retry": true,
	"followers forget": false, "optout add": false, "optout remove": false, "optout import": true,
	"key create": true, "key revoke": true,
}

// audit writes down that this command is about to change something.
func (a *app) audit(ctx context.Context, s *session) error {
	action := strings.TrimPrefix(a.command.CommandPath(), "wxcast ")
	withArgs, ok := audited[action]
	if !ok {
		return nil
	}
	target := ""
	if withArgs {
		target = strings.Join(a.command.Flags().Args(), " ")
	}
	host, _ := os.Hostname()
	name := "?"
	if who, err := user.Current(); err == nil {
		name = who.Username
	}
	_, err := s.db.AddAudit(ctx, s.accountID, wxcast.AuditEntry{Actor: "cli " + name + "@" + host, Action: action, Target: target})
	return err
}

func (a *app) auditCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who changed what",
		Long: `Show who asked for which change, the latest first: commands, and calls of the HTTP
API with the status that they ended with. Entries are kept for 400 days.`,
		Example: "  wxcast audit\n  wxcast audit --limit 1000 --json",
		Args:    cobra.NoArgs,
		RunE: a.withSession(func(ctx context.Context, s *session, _ []string) error {
			entries, err := s.db.Audit(ctx, s.accountID, 0, limit)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"entries": entries}, func(w io.Writer) {
				rows := [][]string{{"AT (BEIJING)", "WHO", "WHAT", "OF", "STATUS"}}
				for _, e := range entries {
					rows = append(rows, []string{beijingMinute(e.At), e.Actor, e.Action, e.Target, e.Outcome})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many entries")
	return cmd
}
