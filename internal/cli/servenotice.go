package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/notify"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// teller tells the account's notices to the configured robots.
func (s *session) teller(worker string) *notify.Teller {
	t := &notify.Teller{Store: s.db, AccountID: s.accountID, Account: s.account.Name, Worker: worker, Log: s.log}
	for _, r := range s.cfg.Notify {
		t.Robots = append(t.Robots, notify.Robot{Kind: r.Kind, URL: r.URL, Secret: r.Secret, Page: s.reportPage})
	}
	return t
}

// reportPage is the page of a kept report.
func (s *session) reportPage(ctx context.Context, n wxcast.Notice) ([]byte, error) {
	var r report.Report
	if err := json.Unmarshal([]byte(n.Data), &r); err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err := s.writePage(ctx, r, report.Languages[0], &page)
	return page.Bytes(), err
}

// raise keeps an alert; that it could not be kept is said in the log, and no more.
func (s *session) raise(ctx context.Context, key, title, body string) {
	s.note(ctx, s.db.RaiseNotice(ctx, s.accountID, wxcast.Notice{Key: key, Kind: wxcast.NoticeAlert, Title: s.account.Name + ": " + title, Body: body}))
}

// recovered ends an alert, if it stands.
func (s *session) recovered(ctx context.Context, key string) {
	s.note(ctx, s.db.EndAlert(ctx, s.accountID, key))
}

func (s *session) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "an alert was not kept", "err", err)
	}
}

// alerting is a job whose failure is told, and its recovery.
func (s *session) alerting(name string, run func(context.Context) (any, error)) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		did, err := run(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			text := err.Error()
			if hint := advice(err); hint != "" {
				text += "\n" + hint
			}
			s.raise(ctx, "job:"+name, "the job "+name+" failed", text)
		default:
			s.recovered(ctx, "job:"+name)
		}
		return did, err
	}
}

// tellState tells when a broadcast needs a person, and when it goes on.
func (s *session) tellState(ctx context.Context, b wxcast.Broadcast) {
	key := fmt.Sprintf("broadcast:%d", b.ID)
	switch b.State {
	case wxcast.BroadcastPaused:
		s.raise(ctx, key, fmt.Sprintf("broadcast %d (%s) is paused", b.ID, b.Name), b.Reason+fmt.Sprintf("\nwxcast broadcast resume %d goes on with it.", b.ID))
	case wxcast.BroadcastWaiting:
		s.raise(ctx, key, fmt.Sprintf("broadcast %d (%s) waits", b.ID, b.Name), b.Reason+"\nIt goes on by itself at "+b.ResumeAt.In(wxcast.Beijing).Format("2006-01-02 15:04")+" (Beijing).")
	default:
		s.recovered(ctx, key)
	}
}

// tellReport keeps a day's report for the robots.
func (s *session) tellReport(ctx context.Context, r report.Report) error {
	title, text := report.Brief(r)
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.db.RaiseNotice(ctx, s.accountID, wxcast.Notice{Key: wxcast.ReportKey(r.Day), Kind: wxcast.NoticeReport, Title: title, Body: text, Data: string(data)})
}

// tokenAlert is how long after the last time people are told that it is over.
const tokenAlert = time.Hour

// watching tells people of tokens that somebody else made an end of, and counts calls.
func (s *session) watching() watching {
	return watching{
		overridden: func(ctx context.Context) {
			s.log.WarnContext(ctx, "WeChat refuses a token that should have lived on: another system makes new ones", "account", s.account.Name)
			s.raise(ctx, "token", "the access token was replaced by another system",
				"WeChat refused the token before its time; wxcast fetched another one and went on. Another system asks WeChat for tokens of this account and ends ours, or somebody resets the secret. "+
					"Let that system get the token from wxcast: GET /api/v1/access-token, with a key of the scope token.")
			if s.metrics != nil {
				s.metrics.overrides.WithLabelValues(s.account.Name).Inc()
			}
		},
		observe: func(api string, took time.Duration, err error) {
			s.calls.add(api, err)
			if s.metrics != nil {
				s.metrics.called(s.account.Name, api, took, err)
			}
		},
	}
}

// watchQuota reads the day's quota of template messages, for the report and its charts,
// and tells when little of it is left.
func (s *session) watchQuota(ctx context.Context) (any, error) {
	quota, err := s.client.GetQuota(ctx, wechat.TemplateSendAPI)
	if err != nil {
		return nil, err
	}
	s.note(ctx, s.db.EndOldAlert(ctx, s.accountID, "token", s.db.Now().Add(-tokenAlert)))
	day := wxcast.DayOf(s.db.Now())
	if err := s.db.SaveQuota(ctx, s.accountID, day, quota); err != nil {
		return nil, err
	}
	left := max(0, quota.Limit-quota.Used)
	if quota.Limit > 0 && float64(left) < s.cfg.Serve.QuotaLow*float64(quota.Limit) {
		s.raise(ctx, "quota", "the quota of template messages is nearly spent",
			fmt.Sprintf("Of %s a day %s are left on %s (Beijing). Broadcasts that need more wait for the next day.", count(quota.Limit), count(left), day))
	} else {
		s.recovered(ctx, "quota")
	}
	return map[string]int64{"limit": quota.Limit, "used": quota.Used}, nil
}
