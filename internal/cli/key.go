package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make, list and revoke keys of the HTTP API",
		Long: `Make, list and revoke keys of the HTTP API that wxcast serve answers under /api/v1.
A key opens one account, and what its scopes say:

  read     counts and states: broadcasts, reports, jobs, metrics
  send     make, preview, start, pause and end broadcasts
  people   persons: followers, deliveries, opt-outs
  sync     run jobs, import mini users
  token    the account's access token
  audit    who changed what`,
	}
	cmd.AddCommand(a.keyCreateCommand(), a.keyListCommand(), a.keyRevokeCommand())
	return cmd
}

// keyName is what a key may be called: it stands in logs.
var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// newKey is a key that was just made.
type newKey struct {
	wxcast.APIKey
	Key string `json:"key"` // it is shown once
}

func (a *app) keyCreateCommand() *cobra.Command {
	var scopes []string
	var days int
	cmd := &cobra.Command{
		Use:   "create NAME --scope SCOPE[,SCOPE…]",
		Short: "Make a key, and print it this once",
		Long: `Make a key for one account and print it. It is shown this once: only a hash is kept.
Scopes are read, send, people, sync, token and audit; wxcast key --help says what each opens.`,
		Example: "  wxcast key create ci --scope read,send --days 90\n  wxcast key create shop --scope token --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			k := wxcast.APIKey{Name: args[0]}
			if !keyName.MatchString(k.Name) {
				return usageError{fmt.Errorf("%q is no name of a key; write letters, digits, dots and dashes, such as ci or shop-backend", k.Name)}
			}
			for _, text := range scopes {
				scope := wxcast.Scope(text)
				if !slices.Contains(wxcast.Scopes, scope) {
					return usageError{fmt.Errorf("--scope: %q is no scope; write one or more of %s, parted by commas", text, wxcast.JoinScopes(wxcast.Scopes, ", "))}
				}
				if !k.May(scope) {
					k.Scopes = append(k.Scopes, scope)
				}
			}
			if len(k.Scopes) == 0 {
				return usageError{fmt.Errorf("--scope: name what the key opens: one or more of %s, parted by commas", wxcast.JoinScopes(wxcast.Scopes, ", "))}
			}
			if days < 0 || days > 3650 {
				return usageError{fmt.Errorf("--days: %d is not a number from 0 to 3650", days)}
			}
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if days > 0 {
				k.ExpiresAt = s.db.Now().Add(time.Duration(days) * 24 * time.Hour)
			}
			key, err := s.createKey(cmd.Context(), k)
			if err != nil {
				return err
			}
			return a.print(newKey{k, key}, func(w io.Writer) {
				fmt.Fprintln(w, key)
				a.say("This is key %s of account %s (%s). It is not shown again.", k.Name, s.account.Name, wxcast.JoinScopes(k.Scopes, ", "))
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "`SCOPES` that it opens")
	cmd.Flags().IntVar(&days, "days", 0, "after how many days it expires; 0 for never")
	return cmd
}

// createKey makes and keeps a key.
func (s *session) createKey(ctx context.Context, k wxcast.APIKey) (key string, err error) {
	k.AccountID, key = s.accountID, "wxk_"+rand.Text()
	added, err := s.db.AddAPIKey(ctx, k, key)
	if err == nil && !added {
		err = usageError{fmt.Errorf("account %s has or had a key %s; names stand in the audit log, so give this one another", s.account.Name, k.Name)}
	}
	return key, err
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the account's keys",
		Args:  cobra.NoArgs,
		RunE: a.withSession(func(ctx context.Context, s *session, _ []string) error {
			keys, err := s.db.APIKeys(ctx, s.accountID)
			if err != nil {
				return err
			}
			rows := [][]string{{"NAME", "SCOPES", "CREATED (BEIJING)", "LAST USED", "STATE"}}
			for _, k := range keys {
				state := "good"
				switch {
				case !k.RevokedAt.IsZero():
					state = "revoked " + beijingMinute(k.RevokedAt)
				case !k.Good(s.db.Now()):
					state = "expired " + beijingMinute(k.ExpiresAt)
				case !k.ExpiresAt.IsZero():
					state = "good until " + beijingMinute(k.ExpiresAt)
				}
				rows = append(rows, []string{k.Name, wxcast.JoinScopes(k.Scopes, ", "), beijingMinute(k.CreatedAt), beijingMinute(k.LastUsedAt), state})
			}
			return a.print(map[string]any{"keys": keys}, func(w io.Writer) { table.Write(w, "", rows...) })
		}),
	}
}

func (a *app) keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   "End a key at once",
		Example: "  wxcast key revoke ci",
		Args:    cobra.ExactArgs(1),
		RunE: a.withSession(func(ctx context.Context, s *session, args []string) error {
			revoked, err := s.db.RevokeAPIKey(ctx, s.accountID, args[0])
			if err != nil {
				return err
			}
			if !revoked {
				return usageError{fmt.Errorf("account %s has no key %s that is not revoked; wxcast key list shows them", s.account.Name, args[0])}
			}
			return a.print(map[string]any{"name": args[0], "revoked": true}, func(w io.Writer) { fmt.Fprintf(w, "Key %s is revoked.\n", args[0]) })
		}),
	}
}
