package account

import (
	"context"
	"crypto/rand"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
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
	List *PreviewList `json:"list,omitempty"`
	// ByChannel counts the recipients by the first channel that reaches them now.
	ByChannel map[string]PreviewChannel `json:"by_channel"`
	Channels  []string                  `json:"channels"`   // in the order in which they are tried
	BadValues int64                     `json:"bad_values"` // recipients whose values WeChat would refuse
	// HeldOut are about how many of the recipients get nothing, to be compared with.
	HeldOut int64 `json:"held_out,omitempty"`
	Quota   struct {
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

// PreviewChannel is what one channel would do.
type PreviewChannel struct {
	Reached int64 `json:"reached"`
}

// PreviewList is the spec's list of recipients.
type PreviewList struct {
	Rows  int64 `json:"rows"`
	Found int64 `json:"found"` // rows of people who follow
}

// PreviewMessage is a message as a person would see it.
type PreviewMessage struct {
	Channel  string            `json:"channel"` // the first that has an id of theirs
	OpenID   string            `json:"openid"`  // or the mini_openid, as the channel takes it
	Data     map[string]string `json:"data"`
	PagePath string            `json:"pagepath"`
	URL      string            `json:"url,omitempty"`
	Title    string            `json:"title,omitempty"` // of a card
	Text     string            `json:"text,omitempty"`
}

// TestMessage is what became of one test message.
type TestMessage struct {
	Channel string `json:"channel"`
	OpenID  string `json:"openid"` // or the mini_openid, as the channel takes it
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
	writers, err := a.writers(checked)
	if err != nil {
		return p, err
	}
	found, err := spec.Check(ctx, a.db, writers,
		masking(ctx, spec.Preflighting{Spec: s.Spec, AccountID: a.ID, Audience: audience, First: messages}))
	if err != nil {
		return p, err
	}
	p.Recipients, p.BadValues = found.Recipients, found.Bad
	p.HeldOut = int64(math.Round(checked.Holdout * float64(found.Recipients-found.Bad)))
	for _, m := range found.First {
		p.Messages = append(p.Messages, PreviewMessage{Channel: m.Channel, OpenID: m.To, Data: m.Data,
			PagePath: m.PagePath, URL: m.URL, Title: m.Title, Text: m.Text})
	}
	p.ByChannel = map[string]PreviewChannel{}
	for _, part := range checked.parts {
		p.Channels = append(p.Channels, part.Channel)
	}
	for i, r := range audience.Reach {
		p.ByChannel[r.Channel] = PreviewChannel{n.Reached[i]}
	}
	if len(audience.Reach) == 0 {
		p.ByChannel[checked.parts[0].Channel] = PreviewChannel{n.Recipients}
	}
	a.foretell(ctx, checked, &p)
	return p, nil
}

// masking lets who may not see people see three messages, of nobody in particular.
func masking(ctx context.Context, o spec.Preflighting) spec.Preflighting {
	if masked(ctx) {
		o.First, o.Mask = min(o.First, maskedPreviews), mask
	}
	return o
}

// hidden stands for what the caller may not see.
const hidden = "***"

// mask is a recipient of whom nothing can be seen but what there is.
func mask(d wxcast.Delivery) wxcast.Delivery {
	hide := func(text string) string {
		if text == "" {
			return ""
		}
		return hidden
	}
	d.OpenID, d.UnionID = wxcast.OpenID(hide(string(d.OpenID))), wxcast.UnionID(hide(string(d.UnionID)))
	d.Recipient = wxcast.Recipient(hide(string(d.Recipient)))
	d.MiniOpenID, d.Remark, d.Tags = wxcast.MiniOpenID(hide(string(d.MiniOpenID))), hide(d.Remark), nil
	d.SubscribeTime = time.Time{}
	vars := make(map[string]string, len(d.Vars))
	for name, value := range d.Vars {
		vars[name] = hide(value)
	}
	d.Vars = vars
	return d
}

// foretell adds what the quotas and the rate make of it: the channel that takes longest says
// when it ends, and the first one's quota is shown.
func (a *Account) foretell(ctx context.Context, c checkedSpec, p *Preview) {
	o := a.sendOptions(c.Spec)
	p.Rate, p.Quota.Keep = o.Rate, o.QuotaKeep+o.Reserve
	never := false
	for i, part := range c.parts {
		facts := channelOf(part.Channel)
		quota := wxcast.Quota{}
		if client, err := a.clientOf(c, facts); err != nil {
			a.log.WarnContext(ctx, "no quota is known", "channel", facts.Name, "err", err)
		} else if quota, err = client.GetQuota(ctx, facts.API); err != nil {
			a.log.WarnContext(ctx, "WeChat did not tell the quota", "api", facts.API, "err", err)
			quota = wxcast.Quota{}
		}
		n := p.ByChannel[part.Channel].Reached
		forecast := broadcast.Foretell(a.db.Now(), max(0, n-p.BadValues), o, quota)
		if i == 0 {
			p.Quota.Limit, p.Quota.Used, p.Quota.Remain = quota.Limit, quota.Used, forecast.Today
		}
		p.Seconds += forecast.Seconds // they share the broadcast's rate
		never = never || n > 0 && forecast.Days == 0
		if ends := TimeOrNull(forecast.EndsAt); i == 0 || forecast.Days > p.Days {
			p.Days, p.EndsAt = forecast.Days, ends
		}
	}
	if p.Days <= 1 && !never && len(c.parts) > 1 {
		p.EndsAt = TimeOrNull(a.db.Now().Add(time.Duration(p.Seconds * float64(time.Second))))
	}
	if never {
		p.Days, p.EndsAt = 0, nil
	}
}

// TestMax keeps a test from becoming a broadcast.
const TestMax = 20

// TestBroadcast sends a spec's message, with each person's own values, to a few followers;
// AllTesters among them is all testers. It is no part of the spec's broadcast. Audited.
func (a *Account) TestBroadcast(ctx context.Context, s Spec, to []string) ([]TestMessage, error) {
	to, err := a.withTesters(ctx, to)
	if err != nil {
		return nil, err
	}
	return auditedOf(ctx, a, "test-broadcast", s.Name, to, func(*entry) ([]TestMessage, error) {
		if len(to) == 0 || len(to) > TestMax {
			return nil, &wxcast.BadInput{Key: "to", Problem: wxcast.Say("input.how_many", "n", len(to)),
				Want: wxcast.Say("broadcast.want_to", "most", TestMax)}
		}
		tests, err := a.testMessages(ctx, s, to)
		if err != nil {
			return nil, err
		}
		var results []TestMessage
		for _, m := range tests {
			msgID, err := m.by.Send(ctx, &m.Delivery)
			facts := m.by.Facts()
			shown := string(facts.ID(&m.Delivery))
			if masked(ctx) {
				shown = ""
			}
			r := TestMessage{Channel: facts.Name, OpenID: shown, Sent: err == nil,
				ErrCode: wechat.CodeOf(err)}
			if facts.Right != wxcast.NoRight && r.ErrCode == 0 { // it is out, or may be
				used := a.db.UseRight(ctx, a.ID, facts, m.lane, m.templateID, facts.ID(&m.Delivery))
				if used != nil {
					a.log.WarnContext(ctx, "the consent of a test message is not noted as used", "err", used)
				}
			}
			if err != nil {
				r.ErrMsg = text.English.Error(err, text.NoDoor, nil)
			} else if msgID != 0 {
				r.MsgID = strconv.FormatInt(msgID, 10)
			}
			results = append(results, r)
		}
		return results, nil
	})
}

// testMessage is one message of a test, by the first channel that has an id of the person.
type testMessage struct {
	wxcast.Delivery
	by         broadcast.Channel
	lane       wxcast.Lane
	templateID string
}

// testMessages makes all messages before the first is sent.
func (a *Account) testMessages(ctx context.Context, s Spec, to []string) (messages []testMessage, err error) {
	checked, err := a.check(ctx, s)
	if err != nil {
		return nil, err
	}
	by, err := a.sendBy(ctx, checked, wxcast.Broadcast{AccountID: a.ID,
		MessageKey: "test-" + strings.ToLower(rand.Text()[:8])})
	if err != nil {
		return nil, err
	}
	writers, err := a.writers(checked)
	if err != nil {
		return nil, err
	}
	audience, err := a.resolve(ctx, checked)
	if err != nil {
		return nil, err
	}
	for _, id := range to {
		one := wxcast.Audience{MiniID: checked.miniID, OpenID: wxcast.OpenID(id), MiniUsers: audience.MiniUsers}
		f, err := a.db.Followers(ctx, a.ID, one, "", 1)
		if err != nil {
			return nil, err
		}
		if len(f) == 0 {
			return nil, nobody(id)
		}
		if one.In = audience.In; one.In != nil { // for the row's values
			if f, err = a.db.Followers(ctx, a.ID, one, "", 1); err != nil {
				return nil, err
			}
			if len(f) == 0 {
				return nil, &wxcast.BadInput{File: s.Audience.In.File, Key: id,
					Problem: wxcast.Say("broadcast.not_in_list"), Want: wxcast.Say("broadcast.want_in_list")}
			}
		}
		m := testMessage{Delivery: wxcast.Delivery{Recipient: f[0].Recipient(), Follower: f[0].Follower,
			MiniOpenID: f[0].MiniOpenID, Vars: f[0].Vars}}
		i := slices.IndexFunc(by, func(w broadcast.With) bool { return w.Channel.Facts().ID(&m.Delivery) != "" })
		if i < 0 {
			return nil, nobody(id)
		}
		m.by, m.templateID = by[i].Channel, saysOf(checked.parts[i]).templateID
		m.lane = m.by.Facts().Lane(wxcast.Broadcast{AccountID: a.ID, MiniID: checked.miniID})
		if _, err := writers[i].Show(&m.Delivery); err != nil {
			if masked(ctx) {
				err = spec.Hidden(err)
			}
			return nil, &wxcast.BadInput{Key: id, Problem: said(err)}
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
