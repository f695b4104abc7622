package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) followersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "followers",
	}
	cmd.AddCommand(a.followersShowCommand(), a.followersFindCommand(), a.followersExportCommand(),
		a.followersForgetCommand())
	return cmd
}

func (a *app) followersShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show OPENID|UNIONID",
		Example: "  wxcast followers show oCJUsw9O7spQia91XWy7NQSCS-QE\n  wxcast followers show o6_bmasdasdsad6_2sgVt7hMZOPfL --json",
		Args:    cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			shown, err := of.Person(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(shown, func(w io.Writer) { a.writePerson(w, shown) })
		}),
	}
}

func (a *app) followersFindCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "find REMARK",
		Example: "  wxcast followers find 张",
		Args:    cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			found, err := of.FindPeople(ctx, args[0])
			if err != nil {
				return err
			}
			rows := [][]string{a.heads("openid", "remark", "follows")}
			for _, f := range found {
				rows = append(rows, []string{string(f.OpenID), foreign.Visible(f.Remark, false),
					a.lang.T(map[bool]string{true: "yes", false: "no"}[f.Subscribed])})
			}
			return a.print(map[string]any{"followers": append([]wxcast.Remarked{}, found...)},
				func(w io.Writer) { table.Write(w, "", rows...) })
		}),
	}
}

func (a *app) followersForgetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "forget OPENID|UNIONID",
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
				a.line(w, "followers.forgotten", "followers", f.Followers, "mini_users", f.MiniUsers, "bridges",
					f.Bridges, "messages", f.Deliveries)
			})
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "")
	return cmd
}

func (a *app) writePerson(w io.Writer, p account.Person) {
	when := func(t *time.Time) string {
		if t == nil {
			return "–"
		}
		return t.In(wxcast.Beijing).Format("2006-01-02 15:04:05")
	}
	for _, f := range p.Followers {
		follows := a.lang.T("yes")
		if !f.Subscribed {
			follows = a.lang.T("person.left", "at", when(f.UnfollowedAt))
		}
		a.line(w, "person.follower", "openid", f.OpenID)
		table.Write(w, "  ",
			[]string{a.lang.T("person.follows"), follows}, []string{"unionid", text.Or(f.UnionID)},
			[]string{a.lang.T("person.followed"), when(f.SubscribeTime)},
			[]string{a.lang.T("person.scene"), text.Or(f.Scene)}, []string{a.lang.T("person.tags"), fmt.Sprint(f.Tags)},
			[]string{a.lang.T("person.remark"), text.Or(f.Remark)},
			[]string{a.lang.T("person.first_seen"), when(&f.FirstSeenAt)}, []string{a.lang.T("person.came_back"),
				when(f.RefollowedAt)}, []string{a.lang.T("person.last_read"), when(&f.DetailsAt)})
	}
	for _, h := range p.Hints {
		a.line(w, "person.hint", "status", h.Status, "at", h.At, "msgid", text.Or(h.MsgID))
	}
	a.writeNotes(w, p)
	for _, m := range p.MiniUsers {
		bridged := "person.bridged"
		if !m.Bridged {
			bridged = "person.not_bridged"
		}
		a.line(w, "person.mini_user", "openid", m.MiniOpenID, "appid", m.MiniAppID, "bridged", a.lang.T(bridged))
	}
	if len(p.MiniUsers) == 0 {
		a.line(w, "person.no_mini_user")
	}
	if len(p.Messages) == 0 {
		a.line(w, "person.no_messages")
		return
	}
	rows := [][]string{a.heads("broadcast", "name", "state", "attempts", "last_attempt", "msgid", "why")}
	for _, d := range p.Messages {
		why := a.lang.Say(d.Why)
		if d.ErrCode > 0 || why == "" && d.ErrCode != 0 {
			why = strings.TrimSpace(a.lang.Say(report.CodeSentence(report.CodeName(d.ErrCode))) + " " + why)
		}
		rows = append(rows, []string{strconv.FormatInt(d.BroadcastID, 10), d.Broadcast, a.lang.T("state." + d.State),
			strconv.Itoa(d.Attempts), when(d.AttemptedAt), text.Or(d.MsgID), why})
	}
	a.line(w, "person.messages")
	table.Write(w, "  ", rows...)
}

// writeNotes writes what else is kept of a person.
func (a *app) writeNotes(w io.Writer, p account.Person) {
	for _, o := range p.OptOuts {
		a.line(w, "person.opted_out", "at", o.Since, "source", o.Source, "id", o.ID)
	}
	if p.TesterSince != nil {
		a.line(w, "person.tester", "at", *p.TesterSince)
	}
	for _, l := range p.Listed {
		vars := make([]string, 0, len(l.Vars))
		for _, name := range slices.Sorted(maps.Keys(l.Vars)) {
			vars = append(vars, name+"="+l.Vars[name])
		}
		a.line(w, "person.listed", "list", l.List, "id", l.ID, "vars", strings.Join(vars, " "))
	}
	for _, one := range p.Windows {
		a.line(w, "person.window", "kind", wxcast.Say("window."+string(one.Kind)), "until", one.Until,
			"n", one.Messages)
	}
	for _, r := range p.Permits {
		a.line(w, "person.permit", "template", r.TemplateID, "n", r.Messages, "at", r.GrantedAt)
	}
	for _, r := range p.Refused {
		a.line(w, "person.refused", "template", r.TemplateID, "channel", r.Channel, "at", r.Since)
	}
	for _, e := range p.Told {
		a.line(w, "person.told", "at", e.At, "kind", e.Kind, "content", strings.TrimSpace(e.Key+" "+e.Content))
	}
}
