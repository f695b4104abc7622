package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

func (a *app) followersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "followers",
		Short: "Look at followers: show one, export many, forget one",
	}
	cmd.AddCommand(a.followersShowCommand(), a.followersExportCommand(), a.followersForgetCommand())
	return cmd
}

func (a *app) followersShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show OPENID|UNIONID",
		Short: "Show everything known about one person",
		Long: `Show everything that is kept of one person: when they followed, left and came
back, what they are in the mini programs, and every message to them with what
became of it.`,
		Example: "  wxcast followers show oCJUsw9O7spQia91XWy7NQSCS-QE\n  wxcast followers show o6_bmasdasdsad6_2sgVt7hMZOPfL --json",
		Args:    cobra.ExactArgs(1),
		RunE: a.withSession(func(ctx context.Context, s *session, args []string) error {
			shown, err := s.Person(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(shown, func(w io.Writer) { writePerson(w, shown) })
		}),
	}
}

// nobody is the answer for an id that is not in the database.
func nobody(id string) error {
	return api.NotFound(id + ": nobody in the database has this openid or unionid; is it of this account, and was the last sync after they followed? wxcast sync brings new followers")
}

// Person shows everything that is kept of one person.
func (s *session) Person(ctx context.Context, id string) (api.Person, error) {
	minis, err := s.miniIDs(ctx)
	if err != nil {
		return api.Person{}, err
	}
	p, err := s.db.Person(ctx, s.accountID, minis, id)
	if err == nil && len(p.Followers)+len(p.MiniUsers) == 0 {
		err = nobody(id)
	}
	return api.NewPerson(p), err
}

// ForgetPerson deletes one person's data from every table.
func (s *session) ForgetPerson(ctx context.Context, id string) (wxcast.Forgotten, error) {
	minis, err := s.miniIDs(ctx)
	if err != nil {
		return wxcast.Forgotten{}, err
	}
	f, err := s.db.Forget(ctx, s.accountID, minis, id)
	if errors.Is(err, store.ErrNotFound) {
		err = nobody(id)
	}
	return f, err
}

func (a *app) followersForgetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "forget OPENID|UNIONID",
		Short: "Delete one person's data from every table",
		Long: `Delete everything that is kept of one person, as the law lets them ask for. Their
messages stay in the counts of the broadcasts, under a name that leads to no one.

As long as they follow the account, WeChat lists them and the next sync meets them
as a new follower.`,
		Example: "  wxcast followers forget oCJUsw9O7spQia91XWy7NQSCS-QE --yes",
		Args:    cobra.ExactArgs(1),
		RunE: a.withSession(func(ctx context.Context, s *session, args []string) error {
			if !yes {
				if err := a.confirm("Delete everything about " + args[0] + "?"); err != nil {
					return err
				}
			}
			f, err := s.ForgetPerson(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(f, func(w io.Writer) {
				fmt.Fprintf(w, "Forgotten: %d followers, %d mini users, %d bridges; %d messages stay in the counts without them.\n", f.Followers, f.MiniUsers, f.Bridges, f.Deliveries)
			})
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// miniIDs are the account's mini programs as the store numbers them.
func (s *session) miniIDs(ctx context.Context) ([]int64, error) {
	account, err := s.reportAccount(ctx)
	ids := make([]int64, len(account.Minis))
	for i, m := range account.Minis {
		ids[i] = m.ID
	}
	return ids, err
}

func writePerson(w io.Writer, p api.Person) {
	when := func(t *time.Time) string {
		if t == nil {
			return "–"
		}
		return t.In(wxcast.Beijing).Format("2006-01-02 15:04:05")
	}
	for _, f := range p.Followers {
		follows := "yes"
		if !f.Subscribed {
			follows = "no, left " + when(f.UnfollowedAt)
		}
		fmt.Fprintf(w, "Follower %s (times in Beijing)\n", f.OpenID)
		table.Write(w, "  ",
			[]string{"follows", follows}, []string{"unionid", orDash(f.UnionID)},
			[]string{"followed", when(f.SubscribeTime)}, []string{"scene", orDash(f.Scene)}, []string{"tags", fmt.Sprint(f.Tags)}, []string{"remark", orDash(f.Remark)},
			[]string{"first seen", when(&f.FirstSeenAt)}, []string{"came back", when(f.RefollowedAt)}, []string{"last read", when(&f.DetailsAt)})
	}
	for _, m := range p.MiniUsers {
		bridged := "bridged"
		if !m.Bridged {
			bridged = "not bridged: no current follower has this unionid, several have, or wxcast join has not run since"
		}
		fmt.Fprintf(w, "Mini user %s in %s: %s\n", m.MiniOpenID, m.MiniAppID, bridged)
	}
	if len(p.MiniUsers) == 0 {
		fmt.Fprintln(w, "No mini user: not in the mini program, or not imported.")
	}
	if len(p.Messages) == 0 {
		fmt.Fprintln(w, "No messages.")
		return
	}
	rows := [][]string{{"BROADCAST", "NAME", "STATE", "ATTEMPTS", "LAST ATTEMPT", "MSGID", "WHY"}}
	for _, d := range p.Messages {
		why := ""
		if d.ErrCode != 0 {
			why = report.CodeName(d.ErrCode) + " " + d.ErrMsg
		} else if d.ErrMsg != "" {
			why = d.ErrMsg
		}
		rows = append(rows, []string{strconv.FormatInt(d.BroadcastID, 10), d.Broadcast, d.State, strconv.Itoa(d.Attempts), when(d.AttemptedAt), orDash(d.MsgID), why})
	}
	fmt.Fprintln(w, "Messages")
	table.Write(w, "  ", rows...)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
