package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/notify"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Teller tells the account's notices to the configured robots, in one language.
func (a *Account) Teller(worker string, lang text.Lang) *notify.Teller {
	t := &notify.Teller{Store: a.db, AccountID: a.ID, Account: a.Name(), Worker: worker, Log: a.log}
	for _, r := range a.cfg.Notify {
		t.Robots = append(t.Robots, notify.Robot{Kind: r.Kind, URL: r.URL, Secret: r.Secret, Lang: lang,
			Page: a.ReportPage})
	}
	return t
}

// raise keeps an alert; that it could not be kept is said in the log, and no more.
func (a *Account) raise(ctx context.Context, key string, title, body wxcast.Sentence) {
	a.note(ctx, a.db.RaiseNotice(ctx, a.ID, wxcast.Notice{
		Key: key, Kind: wxcast.NoticeAlert, Title: wxcast.Say("alert.title", "account", a.Name(), "what", title),
		Body: body,
	}))
}

// recovered ends an alert, if it stands.
func (a *Account) recovered(ctx context.Context, key string) {
	a.note(ctx, a.db.EndAlert(ctx, a.ID, key))
}

func (a *Account) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "an alert was not kept", "err", err)
	}
}

// alerting is a job whose failure is told, and its recovery.
func (a *Account) alerting(name string, run func(context.Context) (any, error)) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		did, err := run(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			body := said(err)
			if advice := Advice(err); !advice.IsZero() {
				body = wxcast.Say("alert.error", "err", body, "advice", advice)
			}
			a.raise(ctx, "job:"+name, wxcast.Say("alert.job_failed", "job", name), body)
		default:
			a.recovered(ctx, "job:"+name)
		}
		return did, err
	}
}

// said is what an error says, to be stored.
func said(err error) wxcast.Sentence {
	var s wxcast.Said
	if errors.As(err, &s) {
		return s.Sentence()
	}
	return wxcast.Verbatim(err.Error())
}

// tellState tells when a broadcast needs a person, and when it goes on.
func (a *Account) tellState(ctx context.Context, b wxcast.Broadcast) {
	key := fmt.Sprintf("broadcast:%d", b.ID)
	switch b.State {
	case wxcast.BroadcastPaused:
		a.raise(ctx, key, wxcast.Say("alert.paused", "id", b.ID, "name", b.Name),
			wxcast.Say("alert.paused_body", "reason", b.Reason, "id", b.ID))
	case wxcast.BroadcastWaiting:
		a.raise(ctx, key, wxcast.Say("alert.waits", "id", b.ID, "name", b.Name),
			wxcast.Say("alert.waits_body", "reason", b.Reason, "at", b.ResumeAt))
	default:
		a.recovered(ctx, key)
	}
}

// tellChannels tells of channels that have stopped while their broadcasts go on by others.
func (a *Account) tellChannels(ctx context.Context) error {
	behind, err := a.db.ChannelsBehind(ctx, a.ID)
	for _, c := range behind {
		body := wxcast.Say("alert.paused_body", "reason", c.Reason, "id", c.BroadcastID)
		if c.State == wxcast.BroadcastWaiting {
			body = wxcast.Say("alert.waits_body", "reason", c.Reason, "at", c.ResumeAt)
		}
		a.raise(ctx, fmt.Sprintf("channel:%d:%s", c.BroadcastID, c.Name), wxcast.Say("alert.channel", "id",
			c.BroadcastID,
			"name", c.Broadcast, "channel", c.Name, "state", State(c.State)), body)
	}
	return err
}

// tellReport keeps a day's report for the robots.
func (a *Account) tellReport(ctx context.Context, r report.Report) error {
	title, body := report.Brief(r, template.Facts.API)
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return a.db.RaiseNotice(ctx, a.ID, wxcast.Notice{
		Key: wxcast.ReportKey(r.Day), Kind: wxcast.NoticeReport, Title: wxcast.Verbatim(title),
		Body: wxcast.Verbatim(body), Data: string(data),
	})
}

// tokenAlert is how long after the last time people are told that it is over.
const tokenAlert = time.Hour

// tokenOverridden tells people of a token that somebody else made an end of.
func (a *Account) tokenOverridden(ctx context.Context) {
	a.log.WarnContext(ctx, "WeChat refuses a token that should have lived on: another system makes new ones", "account",
		a.Name())
	a.raise(ctx, "token", wxcast.Say("alert.token"), wxcast.Say("alert.token_body"))
	if a.metrics != nil {
		a.metrics.TokenOverridden(a.Name())
	}
}

// guessesOver is how long after the last time people are told that nobody guesses any more.
const (
	guessesOver = time.Hour
	guessesKey  = "access:guesses"
)

// TellGuesses tells people that somebody tries keys or logins.
func (a *Account) TellGuesses(ctx context.Context, door string, n int) {
	a.raise(ctx, guessesKey, wxcast.Say("alert.guesses"), wxcast.Say("alert.guesses_body", "door", door, "n", n))
}

// readQuota asks WeChat for the day's quota of what the account's messages are sent by; it
// returns that of template messages. Broadcasts that wait for one go on where it is seen to be
// there.
func (a *Account) readQuota(ctx context.Context) (first wxcast.Quota, err error) {
	lanes, err := a.lanes(ctx)
	if err != nil {
		return first, err
	}
	day := wxcast.DayOf(a.db.Now())
	for i, lane := range lanes {
		known, err := a.db.QuotaDays(ctx, lane.AppID, day)
		if err != nil {
			return first, err
		}
		if i > 0 && !slices.ContainsFunc(known, func(q wxcast.QuotaDay) bool { return q.API == lane.API }) {
			continue // nothing was sent by it today
		}
		client := a.client
		if lane.AppID != a.ID {
			if client, err = a.clientOfMini(ctx, lane.AppID); err != nil {
				continue // it sends nothing
			}
		}
		quota, err := a.db.ReadQuota(ctx, lane, day, client.GetQuota)
		switch {
		case err != nil && i == 0:
			return quota, err
		case err != nil: // an account need not have each of its APIs
			a.log.WarnContext(ctx, "WeChat did not tell the quota", "api", lane.API, "err", err)
			continue
		case i == 0:
			first = quota
		}
		if err := a.wakeForQuota(ctx, lane); err != nil {
			return first, err
		}
	}
	return first, nil
}

func (a *Account) wakeForQuota(ctx context.Context, lane wxcast.Lane) error {
	woken, err := a.db.WakeForQuota(ctx, a.ID, lane)
	if woken > 0 {
		a.log.InfoContext(ctx, "quota is there again: broadcasts go on", "account", a.Name(), "broadcasts", woken)
	}
	return err
}

// watchQuota reads the day's quota of what broadcasts send by, for the report and its charts,
// and tells when little of it is left.
func (a *Account) watchQuota(ctx context.Context) (any, error) {
	quota, err := a.readQuota(ctx)
	if err != nil {
		return nil, err
	}
	a.note(ctx, a.db.EndOldAlert(ctx, a.ID, "token", a.db.Now().Add(-tokenAlert)))
	a.note(ctx, a.db.EndOldAlert(ctx, a.ID, guessesKey, a.db.Now().Add(-guessesOver)))
	if err := a.watchReceipts(ctx); err != nil {
		return nil, err
	}
	left := max(0, quota.Limit-quota.Used)
	if quota.Limit > 0 && float64(left) < a.cfg.Serve.QuotaLow*float64(quota.Limit) {
		a.raise(ctx, "quota", wxcast.Say("alert.quota"),
			wxcast.Say("alert.quota_body", "limit", quota.Limit, "left", left, "day", string(wxcast.DayOf(a.db.Now()))))
	} else {
		a.recovered(ctx, "quota")
	}
	return map[string]int64{"limit": quota.Limit, "used": quota.Used}, nil
}

const (
	// receiptsMissed messages of receiptsWithin without one receipt, while WeChat calls us for
	// other things, are no accident.
	receiptsMissed = 1000
	receiptsWithin = 24 * time.Hour
)

// watchReceipts tells when receipts stay away although callbacks arrive: then nobody learns
// what became of the messages.
func (a *Account) watchReceipts(ctx context.Context) error {
	since := a.db.Now().Add(-receiptsWithin)
	sent, heard, err := a.db.MessagesHeard(ctx, a.ID, since)
	if err != nil {
		return err
	}
	events, err := a.db.CountCallbacks(ctx, a.ID, since, a.db.Now())
	if err != nil {
		return err
	}
	if sent > receiptsMissed && heard == 0 && len(events) > 0 {
		a.raise(ctx, "receipts", wxcast.Say("alert.receipts"), wxcast.Say("alert.receipts_body", "sent", sent))
		return nil
	}
	a.recovered(ctx, "receipts")
	return nil
}
