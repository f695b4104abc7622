package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// testMax keeps a test from becoming a broadcast.
const testMax = 20

func (a *app) broadcastTestCommand() *cobra.Command {
	var f specFlags
	var to []string
	cmd := &cobra.Command{
		Use:   "test SPEC.yaml --to OPENID[,OPENID…]",
		Short: "Send a broadcast's message to a few people, to look at it on a phone",
		Long: `Send the spec's message, with each person's own values, to a few followers of yours.
It is no part of the broadcast: they get that, too; but for a minute WeChat takes the
same text to the same person for a repeat, and the broadcast tries them again then.
Each test message takes one of the day's quota.`,
		Example: "  wxcast broadcast test spring-sale.yaml --to oCJUsw9O7spQia91XWy7NQSCS-QE",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.loadSpec(cmd, args[0], f)
			if err != nil {
				return err
			}
			if len(to) == 0 || len(to) > testMax {
				return usageError{fmt.Errorf("--to: name 1 to %d openids, parted by commas", testMax)}
			}
			s, err := a.openCallingSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			results, err := s.sendTests(cmd.Context(), spec, to)
			if err != nil {
				return err
			}
			return errors.Join(a.print(map[string]any{"messages": results}, func(w io.Writer) { writeTests(w, results) }), notAllSent(results))
		},
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&to, "to", nil, "`OPENIDS` of followers")
	return cmd
}

// sendTests sends a spec's message to a few followers.
func (s *session) sendTests(ctx context.Context, spec *broadcast.Spec, to []string) ([]api.TestMessage, error) {
	checked, err := s.checkSpec(ctx, spec)
	if err != nil {
		return nil, err
	}
	message, err := broadcast.NewMessage(spec, checked.mini, "test-"+strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return nil, err
	}
	audience, err := spec.Resolve(ctx, s.db, s.accountID, checked.miniID, s.db.Now())
	if err != nil {
		return nil, err
	}
	var messages []wechat.TemplateMessage
	for _, openid := range to { // all are made before the first is sent
		f, err := s.db.Followers(ctx, s.accountID, wxcast.Audience{MiniID: checked.miniID, OpenID: wxcast.OpenID(openid)}, "", 1)
		if err != nil {
			return nil, err
		}
		if len(f) == 0 {
			return nil, nobody(openid)
		}
		if audience.In != nil { // for the row's values
			f, err = s.db.Followers(ctx, s.accountID, wxcast.Audience{MiniID: checked.miniID, OpenID: wxcast.OpenID(openid), In: audience.In}, "", 1)
			if err != nil {
				return nil, err
			}
			if len(f) == 0 {
				return nil, &wxcast.BadInput{File: spec.Audience.In.File, Key: openid, Problem: wxcast.Plain("has no row in the list"), Want: wxcast.Plain("test with people of the list: the message takes their values")}
			}
		}
		m, err := message.For(&wxcast.Delivery{Follower: f[0].Follower, MiniOpenID: f[0].MiniOpenID, Vars: f[0].Vars})
		if err != nil {
			return nil, &wxcast.BadInput{Key: openid, Problem: wxcast.Plain(err.Error())}
		}
		messages = append(messages, m)
	}
	var results []api.TestMessage
	for _, m := range messages {
		msgID, err := s.client.SendTemplate(ctx, m)
		r := api.TestMessage{OpenID: string(m.ToUser), Sent: err == nil, ErrCode: wechat.CodeOf(err)}
		if err != nil {
			r.ErrMsg = err.Error()
		} else {
			r.MsgID = strconv.FormatInt(msgID, 10)
		}
		results = append(results, r)
	}
	return results, nil
}

func writeTests(w io.Writer, results []api.TestMessage) {
	var rows [][]string
	for _, r := range results {
		if r.Sent {
			rows = append(rows, []string{r.OpenID, "sent", "msgid " + r.MsgID})
		} else {
			rows = append(rows, []string{r.OpenID, "not sent", r.ErrMsg})
		}
	}
	table.Write(w, "", rows...)
}

func notAllSent(results []api.TestMessage) error {
	failed := 0
	for _, r := range results {
		if !r.Sent {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d test messages were not sent", failed, len(results))
}
