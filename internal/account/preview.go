package account

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Preview says who would get a broadcast, and when.
type Preview struct {
	Followers  int64 `json:"followers"`
	Recipients int64 `json:"recipients"`
	// Out says why the other followers get nothing; each is counted once, by the first reason.
	Out []PreviewOut `json:"out"`
	// NotBridged parts those who are out because the mini program does not know them.
	NotBridged struct {
		WithoutUnionID   int64 `json:"without_unionid"`
		NotInMiniProgram int64 `json:"not_in_mini_program"`
		Ambiguous        int64 `json:"ambiguous"`
	} `json:"not_bridged"`
	List      *PreviewList `json:"list,omitempty"`
	BadValues int64        `json:"bad_values"` // recipients whose values WeChat would refuse
	Quota     struct {
		Limit  int64 `json:"limit"` // 0 when WeChat gave no information
		Used   int64 `json:"used"`
		Keep   int64 `json:"keep"`
		Remain int64 `json:"remain"` // today, for this broadcast
	} `json:"quota"`
	Rate    float64    `json:"rate"`
	Seconds float64    `json:"seconds"` // of sending, waits not counted
	Days    int        `json:"days"`    // on which it sends; 0 when the quota never allows it
	EndsAt  *time.Time `json:"ends_at"` // UTC, if it began now
	// Messages are the first ones, as a person would see them.
	Messages []PreviewMessage `json:"messages"`
}

// PreviewOut counts followers who get nothing.
type PreviewOut struct {
	Reason string `json:"reason"`
	N      int64  `json:"n"`
}

// PreviewList is the spec's list of recipients.
type PreviewList struct {
	Rows  int64 `json:"rows"`
	Found int64 `json:"found"` // rows of people who follow
}

// PreviewMessage is a message as a person would see it.
type PreviewMessage struct {
	OpenID   string            `json:"openid"`
	Data     map[string]string `json:"data"`
	PagePath string            `json:"pagepath"`
	URL      string            `json:"url,omitempty"`
}

// TestMessage is what became of one test message.
type TestMessage struct {
	OpenID  string `json:"openid"`
	Sent    bool   `json:"sent"`
	MsgID   string `json:"msgid,omitempty"` // text: it is above 2^53
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg,omitempty"`
}

// maskedPreviews is how many messages they see who may not see people.
const maskedPreviews = 3

// PreviewBroadcast shows who would get a spec's broadcast, what the first of them would see,
// and when it would end. Nothing is sent or stored, but the lists that it names. Audited: what
// it shows may be people's.
func (a *Account) PreviewBroadcast(ctx context.Context, s Spec, messages int) (Preview, error) {
	return audited(ctx, a, "preview-broadcast", s.Name, func(*entry) (Preview, error) {
		return a.preview(ctx, s, messages)
	})
}

func (a *Account) preview(ctx context.Context, s Spec, messages int) (p Preview, err error) {
	checked, err := a.check(ctx, s)
	if err != nil {
		return p, err
	}
	coverage, err := bridge.Cover(ctx, a.db, a.ID, checked.miniID)
	if err != nil {
		return p, err
	}
	p.NotBridged.WithoutUnionID, p.NotBridged.NotInMiniProgram = coverage.WithoutUnionID, coverage.NotInMiniProgram
	p.NotBridged.Ambiguous = coverage.Ambiguous
	audience, err := a.resolve(ctx, checked)
	if err != nil {
		return p, err
	}
	n, err := a.db.CountAudience(ctx, a.ID, audience)
	if err != nil {
		return p, err
	}
	p.Followers, p.Out = n.Followers, []PreviewOut{}
	for _, out := range n.Out {
		p.Out = append(p.Out, PreviewOut(out))
	}
	if audience.In != nil {
		p.List = &PreviewList{Rows: n.ListRows, Found: n.ListFound}
	}
	message, err := template.NewMessage(s.Spec, s.Parts[0], checked.mini, "")
	if err != nil {
		return p, err
	}
	found, err := spec.Check(ctx, a.db, []spec.Writer{message},
		masking(ctx, spec.Preflighting{Spec: s.Spec, AccountID: a.ID, Audience: audience, First: messages}))
	if err != nil {
		return p, err
	}
	p.Recipients, p.BadValues = found.Recipients, found.Bad
	for _, m := range found.First {
		p.Messages = append(p.Messages, PreviewMessage{OpenID: m.To, Data: m.Data, PagePath: m.PagePath, URL: m.URL})
	}
	a.foretell(ctx, s, &p)
	return p, nil
}

// masking lets who may not see people see three messages, of nobody in particular.
func masking(ctx context.Context, o spec.Preflighting) spec.Preflighting {
	if masked(ctx) {
		o.First, o.Mask = min(o.First, maskedPreviews), mask
	}
	return o
}

// mask is a recipient of whom nothing can be seen but what there is.
func mask(d wxcast.Delivery) wxcast.Delivery {
	hide := func(text string) string {
		if text == "" {
			return ""
		}
		return "***"
	}
	d.OpenID, d.UnionID = wxcast.OpenID(hide(string(d.OpenID))), wxcast.UnionID(hide(string(d.UnionID)))
	d.MiniOpenID, d.Remark, d.Tags = wxcast.MiniOpenID(hide(string(d.MiniOpenID))), hide(d.Remark), nil
	d.SubscribeTime = time.Time{}
	vars := make(map[string]string, len(d.Vars))
	for name, value := range d.Vars {
		vars[name] = hide(value)
	}
	d.Vars = vars
	return d
}

// foretell adds what the quota and the rate make of it.
func (a *Account) foretell(ctx context.Context, s Spec, p *Preview) {
	quota, err := a.client.GetQuota(ctx, template.Facts.API)
	if err != nil {
		a.log.WarnContext(ctx, "WeChat did not tell the quota", "api", template.Facts.API, "err", err)
		quota = wxcast.Quota{}
	}
	o := a.sendOptions(s)
	forecast := broadcast.Foretell(a.db.Now(), p.Recipients-p.BadValues, o, quota)
	p.Quota.Limit, p.Quota.Used, p.Quota.Keep, p.Quota.Remain = quota.Limit, quota.Used, o.QuotaKeep, forecast.Today
	p.Rate, p.Seconds, p.Days, p.EndsAt = o.Rate, forecast.Seconds, forecast.Days, TimeOrNull(forecast.EndsAt)
}

// TestMax keeps a test from becoming a broadcast.
const TestMax = 20

// TestBroadcast sends a spec's message, with each person's own values, to a few followers.
// It is no part of the spec's broadcast. Audited.
func (a *Account) TestBroadcast(ctx context.Context, s Spec, to []string) ([]TestMessage, error) {
	return auditedOf(ctx, a, "test-broadcast", s.Name, to, func(*entry) ([]TestMessage, error) {
		if len(to) == 0 || len(to) > TestMax {
			return nil, &wxcast.BadInput{Key: "to", Problem: wxcast.Say("input.how_many", "n", len(to)),
				Want: wxcast.Say("broadcast.want_to", "most", TestMax)}
		}
		messages, err := a.testMessages(ctx, s, to)
		if err != nil {
			return nil, err
		}
		var results []TestMessage
		for _, m := range messages {
			msgID, err := a.client.SendTemplate(ctx, m)
			r := TestMessage{OpenID: string(m.ToUser), Sent: err == nil, ErrCode: wechat.CodeOf(err)}
			if err != nil {
				r.ErrMsg = text.English.Error(err, text.NoDoor, nil)
			} else {
				r.MsgID = strconv.FormatInt(msgID, 10)
			}
			results = append(results, r)
		}
		return results, nil
	})
}

// testMessages makes all messages before the first is sent.
func (a *Account) testMessages(ctx context.Context, s Spec, to []string) (messages []wechat.TemplateMessage,
	err error) {
	checked, err := a.check(ctx, s)
	if err != nil {
		return nil, err
	}
	message, err := template.NewMessage(s.Spec, s.Parts[0], checked.mini, "test-"+strings.ToLower(rand.Text()[:8]))
	if err != nil {
		return nil, err
	}
	audience, err := a.resolve(ctx, checked)
	if err != nil {
		return nil, err
	}
	for _, openid := range to {
		one := wxcast.Audience{MiniID: checked.miniID, OpenID: wxcast.OpenID(openid)}
		f, err := a.db.Followers(ctx, a.ID, one, "", 1)
		if err != nil {
			return nil, err
		}
		if len(f) == 0 {
			return nil, nobody(openid)
		}
		if one.In = audience.In; one.In != nil { // for the row's values
			if f, err = a.db.Followers(ctx, a.ID, one, "", 1); err != nil {
				return nil, err
			}
			if len(f) == 0 {
				return nil, &wxcast.BadInput{File: s.Audience.In.File, Key: openid,
					Problem: wxcast.Say("broadcast.not_in_list"), Want: wxcast.Say("broadcast.want_in_list")}
			}
		}
		m, err := message.For(&wxcast.Delivery{Follower: f[0].Follower, MiniOpenID: f[0].MiniOpenID, Vars: f[0].Vars})
		if err != nil && masked(ctx) {
			err = spec.Hidden(err)
		}
		if err != nil {
			return nil, &wxcast.BadInput{Key: openid, Problem: said(err)}
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// TimeOrNull is a time as JSON has it: null for the zero time.
func TimeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
