package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

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
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			minis, err := s.miniIDs(cmd.Context())
			if err != nil {
				return err
			}
			p, err := s.db.Person(cmd.Context(), s.accountID, minis, args[0])
			if err != nil {
				return err
			}
			if len(p.Followers)+len(p.MiniUsers) == 0 {
				return nobody(args[0])
			}
			shown := describePerson(p)
			return a.print(shown, func(w io.Writer) { writePerson(w, shown) })
		},
	}
}

// nobody is the answer for an id that is not in the database.
func nobody(id string) error {
	return &wxcast.BadInput{
		Key: id, Problem: "nobody in the database has this openid or unionid",
		Want: "is it of this account, and was the last sync after they followed? wxcast sync brings new followers",
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
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if !yes {
				if err := a.confirm("Delete everything about " + args[0] + "?"); err != nil {
					return err
				}
			}
			minis, err := s.miniIDs(cmd.Context())
			if err != nil {
				return err
			}
			f, err := s.db.Forget(cmd.Context(), s.accountID, minis, args[0])
			if errors.Is(err, store.ErrNotFound) {
				return nobody(args[0])
			}
			if err != nil {
				return err
			}
			return a.print(f, func(w io.Writer) {
				fmt.Fprintf(w, "Forgotten: %d followers, %d mini users, %d bridges; %d messages stay in the counts without them.\n", f.Followers, f.MiniUsers, f.Bridges, f.Deliveries)
			})
		},
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

// followerJSON is a follower as commands print it. Times are UTC.
type followerJSON struct {
	OpenID        string     `json:"openid"`
	UnionID       string     `json:"unionid"`
	MiniOpenID    string     `json:"mini_openid,omitempty"`
	Subscribed    bool       `json:"subscribed"`
	SubscribeTime *time.Time `json:"subscribe_time"`
	Scene         string     `json:"subscribe_scene"`
	Remark        string     `json:"remark"`
	Tags          []int      `json:"tags"`
	FirstSeenAt   time.Time  `json:"first_seen_at"`
	DetailsAt     time.Time  `json:"details_at"`
	UnfollowedAt  *time.Time `json:"unfollowed_at"`
	RefollowedAt  *time.Time `json:"refollowed_at"`
}

func describeFollower(f wxcast.FollowerRecord) followerJSON {
	tags := f.Tags
	if tags == nil {
		tags = []int{}
	}
	return followerJSON{
		OpenID: string(f.OpenID), UnionID: string(f.UnionID), MiniOpenID: string(f.MiniOpenID), Subscribed: f.Subscribed,
		SubscribeTime: timeOrNull(f.SubscribeTime), Scene: f.Scene, Remark: f.Remark, Tags: tags,
		FirstSeenAt: f.FirstSeenAt, DetailsAt: f.DetailsAt, UnfollowedAt: timeOrNull(f.UnfollowedAt), RefollowedAt: timeOrNull(f.RefollowedAt),
	}
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type personJSON struct {
	Followers []followerJSON   `json:"followers"`
	MiniUsers []miniUserJSON   `json:"mini_users"`
	Messages  []personDelivery `json:"deliveries"`
}

type miniUserJSON struct {
	MiniAppID  string    `json:"mini_appid"`
	MiniOpenID string    `json:"mini_openid"`
	UnionID    string    `json:"unionid"`
	Bridged    bool      `json:"bridged"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

type personDelivery struct {
	BroadcastID   int64      `json:"broadcast_id"`
	Broadcast     string     `json:"broadcast"`
	OpenID        string     `json:"openid"`
	State         string     `json:"state"`
	Attempts      int        `json:"attempts"`
	ErrCode       int        `json:"errcode"`
	ErrMsg        string     `json:"errmsg"`
	MsgID         string     `json:"msgid"` // text: it is above 2^53
	AttemptedAt   *time.Time `json:"attempted_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
}

func describePerson(p wxcast.Person) personJSON {
	out := personJSON{Followers: []followerJSON{}, MiniUsers: []miniUserJSON{}, Messages: []personDelivery{}}
	for _, f := range p.Followers {
		out.Followers = append(out.Followers, describeFollower(f))
	}
	for _, m := range p.MiniUsers {
		out.MiniUsers = append(out.MiniUsers, miniUserJSON{string(m.MiniAppID), string(m.MiniOpenID), string(m.UnionID), m.Bridged, m.CreatedAt, m.UpdatedAt})
	}
	for _, d := range p.Deliveries {
		out.Messages = append(out.Messages, describeDelivery(d))
	}
	return out
}

func describeDelivery(d wxcast.PersonDelivery) personDelivery {
	msgid := ""
	if d.MsgID != 0 {
		msgid = strconv.FormatInt(d.MsgID, 10)
	}
	return personDelivery{
		d.BroadcastID, d.Broadcast, string(d.OpenID), string(d.State), d.Attempts, d.ErrCode, d.ErrMsg, msgid, timeOrNull(d.AttemptedAt), timeOrNull(d.NextAttemptAt),
	}
}

func writePerson(w io.Writer, p personJSON) {
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
