package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
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
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			shown, err := of.Person(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(shown, func(w io.Writer) { writePerson(w, shown) })
		}),
	}
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
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			if !yes {
				if err := a.confirm(wxcast.Say("followers.confirm_forget", "id", args[0])); err != nil {
					return err
				}
			}
			f, err := of.ForgetPerson(ctx, args[0])
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

func writePerson(w io.Writer, p account.Person) {
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
			[]string{"follows", follows}, []string{"unionid", text.Or(f.UnionID)},
			[]string{"followed", when(f.SubscribeTime)}, []string{"scene", text.Or(f.Scene)}, []string{"tags", fmt.Sprint(f.Tags)}, []string{"remark", text.Or(f.Remark)},
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
		rows = append(rows, []string{strconv.FormatInt(d.BroadcastID, 10), d.Broadcast, d.State, strconv.Itoa(d.Attempts), when(d.AttemptedAt), text.Or(d.MsgID), why})
	}
	fmt.Fprintln(w, "Messages")
	table.Write(w, "  ", rows...)
}
