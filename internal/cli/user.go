package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
)

func (a *app) userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "user",
	}
	cmd.AddCommand(a.userCreateCommand(), a.userListCommand(), a.userGrantCommand(), a.userDisableCommand(),
		a.userResetCommand())
	return cmd
}

// withHouse is a command that begins with opening all accounts.
func (a *app) withHouse(run func(ctx context.Context, h *account.House, args []string) error) func(*cobra.Command,
	[]string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx := asked(cmd)
		cfg, err := a.loadConfig()
		if err != nil {
			return err
		}
		h, err := account.OpenHouse(ctx, cfg, a.logger(cfg))
		if err != nil {
			return err
		}
		defer h.Close()
		return run(ctx, h, args)
	}
}

func (a *app) userCreateCommand() *cobra.Command {
	var n account.NewUser
	cmd := &cobra.Command{
		Use:     "create NAME --role ROLE[@ACCOUNT][,…]",
		Example: "  wxcast user create li.lei --role admin --people\n  wxcast user create han.meimei --role viewer@shop",
		Args:    cobra.ExactArgs(1),
		RunE: a.withHouse(func(ctx context.Context, h *account.House, args []string) error {
			n.Name = args[0]
			i, err := h.CreateUser(ctx, n)
			if err != nil {
				return err
			}
			return a.printInvitation(i)
		}),
	}
	grantFlags(cmd, &n)
	return cmd
}

func grantFlags(cmd *cobra.Command, n *account.NewUser) {
	cmd.Flags().StringSliceVar(&n.Roles, "role", nil, "")
	cmd.Flags().BoolVar(&n.People, "people", false, "")
}

func (a *app) printInvitation(i account.Invitation) error {
	return a.print(i, func(w io.Writer) {
		if i.Link == "" {
			a.line(w, "user.let_in", "name", i.Name)
			return
		}
		fmt.Fprintln(w, i.Link)
		a.say("user.invited", "name", i.Name, "roles", strings.Join(i.Roles, ", "), "at", i.LinkEndsAt)
	})
}

func (a *app) userListCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "list",
		Args: cobra.NoArgs,
		RunE: a.withHouse(func(ctx context.Context, h *account.House, _ []string) error {
			users, err := h.ListUsers(ctx)
			if err != nil {
				return err
			}
			rows := [][]string{a.heads("name", "roles", "sees_people", "created_beijing", "last_seen", "state")}
			for _, u := range users {
				rows = append(rows, []string{u.Name, strings.Join(u.Roles, ", "), a.lang.T(map[bool]string{true: "yes",
					false: "no"}[u.People]), a.minute(u.CreatedAt),
					a.minute(u.LastSeenAt), a.lang.Say(account.UserState(u.User))})
			}
			return a.print(map[string]any{"users": users}, func(w io.Writer) { table.Write(w, "", rows...) })
		}),
	}
}

func (a *app) userGrantCommand() *cobra.Command {
	var n account.NewUser
	cmd := &cobra.Command{
		Use:     "grant NAME --role ROLE[@ACCOUNT][,…]",
		Example: "  wxcast user grant li.lei --role operator,approver@shop --people",
		Args:    cobra.ExactArgs(1),
		RunE: a.withHouse(func(ctx context.Context, h *account.House, args []string) error {
			n.Name = args[0]
			u, err := h.GrantUser(ctx, n)
			if err != nil {
				return err
			}
			return a.print(u, func(w io.Writer) {
				a.line(w, "user.granted", "name", u.Name, "roles", strings.Join(u.Roles, ", "))
			})
		}),
	}
	grantFlags(cmd, &n)
	return cmd
}

func (a *app) userDisableCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "disable NAME",
		Example: "  wxcast user disable li.lei",
		Args:    cobra.ExactArgs(1),
		RunE: a.withHouse(func(ctx context.Context, h *account.House, args []string) error {
			u, err := h.DisableUser(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(u, func(w io.Writer) { a.line(w, "user.disabled", "name", u.Name) })
		}),
	}
}

func (a *app) userResetCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reset NAME",
		Example: "  wxcast user reset li.lei",
		Args:    cobra.ExactArgs(1),
		RunE: a.withHouse(func(ctx context.Context, h *account.House, args []string) error {
			i, err := h.ResetUser(ctx, args[0])
			if err != nil {
				return err
			}
			return a.printInvitation(i)
		}),
	}
}
