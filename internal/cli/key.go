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
		Use: "key",
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
		Use:     "create NAME --scope SCOPE[,SCOPE…]",
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
				a.say("key.made", "name", k.Name, "account", of.Name(), "scopes", k.Scopes)
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "")
	cmd.Flags().IntVar(&days, "days", 0, "")
	return cmd
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "list",
		Args: cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			keys, err := of.Keys(ctx)
			if err != nil {
				return err
			}
			rows := [][]string{a.heads("name", "scopes", "created_beijing", "last_used", "state")}
			for _, k := range keys {
				state := a.lang.T("key.good")
				switch {
				case !k.RevokedAt.IsZero():
					state = a.lang.T("key.revoked_at", "at", k.RevokedAt)
				case !k.Good(of.Now()):
					state = a.lang.T("key.expired_at", "at", k.ExpiresAt)
				case !k.ExpiresAt.IsZero():
					state = a.lang.T("key.good_until", "at", k.ExpiresAt)
				}
				rows = append(rows, []string{k.Name, wxcast.JoinScopes(k.Scopes, ", "), a.minute(k.CreatedAt),
					a.minute(k.LastUsedAt), state})
			}
			return a.print(map[string]any{"keys": keys}, func(w io.Writer) { table.Write(w, "", rows...) })
		}),
	}
}

func (a *app) keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Example: "  wxcast key revoke ci",
		Args:    cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			if err := of.RevokeKey(ctx, args[0]); err != nil {
				return err
			}
			return a.print(map[string]any{"name": args[0], "revoked": true},
				func(w io.Writer) { a.line(w, "key.revoked", "name", args[0]) })
		}),
	}
}
