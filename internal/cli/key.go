package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
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
			ctx := asked(cmd)
			of, err := a.openAccount(ctx)
			if err != nil {
				return err
			}
			defer of.CloseAll()
			k, key, err := of.CreateKey(ctx, account.NewKey{Name: args[0], Scopes: scopes, Days: days})
			if err != nil {
				return err
			}
			return a.print(newKey{k, key}, func(w io.Writer) {
				fmt.Fprintln(w, key)
				a.say("This is key %s of account %s (%s). It is not shown again.", k.Name, of.Name(), wxcast.JoinScopes(k.Scopes, ", "))
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "`SCOPES` that it opens")
	cmd.Flags().IntVar(&days, "days", 0, "after how many days it expires; 0 for never")
	return cmd
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the account's keys",
		Args:  cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			keys, err := of.Keys(ctx)
			if err != nil {
				return err
			}
			rows := [][]string{{"NAME", "SCOPES", "CREATED (BEIJING)", "LAST USED", "STATE"}}
			for _, k := range keys {
				state := "good"
				switch {
				case !k.RevokedAt.IsZero():
					state = "revoked " + a.minute(k.RevokedAt)
				case !k.Good(of.Now()):
					state = "expired " + a.minute(k.ExpiresAt)
				case !k.ExpiresAt.IsZero():
					state = "good until " + a.minute(k.ExpiresAt)
				}
				rows = append(rows, []string{k.Name, wxcast.JoinScopes(k.Scopes, ", "), a.minute(k.CreatedAt), a.minute(k.LastUsedAt), state})
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
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			if err := of.RevokeKey(ctx, args[0]); err != nil {
				return err
			}
			return a.print(map[string]any{"name": args[0], "revoked": true}, func(w io.Writer) { fmt.Fprintf(w, "Key %s is revoked.\n", args[0]) })
		}),
	}
}
