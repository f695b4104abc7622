package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
)

const (
	subscribeAPI = "/cgi-bin/message/subscribe/send"    // the mini program's
	noticeAPI    = "/cgi-bin/message/subscribe/bizsend" // the official account's
)

// The mini program's templates beside the one that it shares with the official account, which is
// Credentials.TemplateID.
const (
	EnumTemplateID     = "sim-OrderState_w2rN8yJ5dL0aX3eFmV6gKuT4bQh"
	LongTermTemplateID = "sim-VisitDue_c9sH1oZ7iP4kB2tGnY5xWvA8fEj"
)

// subscribeTemplate is one of the templates to which a person can consent.
type subscribeTemplate struct {
	ID      string       `json:"priTmplId"`
	Title   string       `json:"title"`
	Content string       `json:"content"`
	Example string       `json:"example"`
	Type    int          `json:"type"`
	Enums   []enumValues `json:"keywordEnumValueList,omitempty"`
}

// enumValues are the only values that a key may have.
type enumValues struct {
	Values []string `json:"enumValueList"`
	Key    string   `json:"keywordCode"` // such as "enum3.DATA"
}

// Types of templates. Source: api_getmessagetemplatelist.
const (
	oneTime  = 2
	longTerm = 3
)

// noticeTemplates are the official account's, miniTemplates the mini program's.
var (
	noticeTemplates = []subscribeTemplate{asSubscribe(templates[0]), asSubscribe(templates[1])}
	miniTemplates   = []subscribeTemplate{asSubscribe(templates[0]), {
		ID: EnumTemplateID, Title: "订单状态通知", Type: oneTime,
		Content: "商品名称:{{thing1.DATA}}\n订单金额:{{amount2.DATA}}\n订单状态:{{enum3.DATA}}\n",
		Example: "商品名称:咖啡\n订单金额:28元\n订单状态:已发货\n",
		Enums:   []enumValues{{[]string{"待付款", "已发货"}, "enum3.DATA"}},
	}, {
		ID: LongTermTemplateID, Title: "就诊提醒", Type: longTerm,
		Content: "就诊科室:{{thing1.DATA}}\n就诊时间:{{time2.DATA}}\n", Example: "就诊科室:口腔科\n就诊时间:2026-11-30 10:00\n",
	}}
)

func asSubscribe(t templateItem) subscribeTemplate {
	return subscribeTemplate{ID: t.ID, Title: t.Title, Content: t.Content, Example: t.Example, Type: oneTime}
}

func findTemplate(in []subscribeTemplate, id string) *subscribeTemplate {
	if i := slices.IndexFunc(in, func(t subscribeTemplate) bool { return t.ID == id }); i >= 0 {
		return &in[i]
	}
	return nil
}

// subscribeTemplateByID finds a template of either app.
func subscribeTemplateByID(id string) *subscribeTemplate {
	if t := findTemplate(miniTemplates, id); t != nil {
		return t
	}
	return findTemplate(noticeTemplates, id)
}

// subscribeTemplates lists the templates of the app that asks.
func (s *Server) subscribeTemplates(c *call) (any, *fault) {
	list := noticeTemplates
	if c.appid == s.MiniAppID {
		list = miniTemplates
	}
	return struct {
		plainOK
		Data []subscribeTemplate `json:"data"`
	}{okReply, list}, nil
}

type subscribeRequest struct {
	ToUser      string          `json:"touser"`
	TemplateID  string          `json:"template_id"`
	Page        string          `json:"page"`
	State       string          `json:"miniprogram_state"`
	Lang        string          `json:"lang"`
	Data        json.RawMessage `json:"data"`
	MiniProgram *struct {       // of a notice
		AppID    string `json:"appid"`
		PagePath string `json:"pagepath"`
	} `json:"miniprogram"`
}

// subscribeSend is the mini program's subscribe message: one at a time for each person.
func (s *Server) subscribeSend(c *call) (any, *fault) {
	in, f := s.readSubscribe(c)
	if f != nil {
		return nil, f
	}
	n, ok := s.world.mini.decode(in.ToUser)
	if !ok || !s.isMiniUser(n) {
		return nil, &fault{40003, "invalid openid"}
	}
	if f := s.hold(c, in.ToUser); f != nil {
		return nil, f
	}
	if in.Page != "" && !s.released(in.Page) {
		return nil, &fault{41030, "invalid page"}
	}
	return s.sendByPermit(in, message{person: n, channel: "subscribe", page: in.Page}, miniTemplates)
}

// bizSend is the official account's own notice, to followers and others. Its page is a URL, and a
// mini program may stand beside it.
func (s *Server) bizSend(c *call) (any, *fault) {
	if c.appid == s.MiniAppID {
		return nil, &fault{45103, "This API is unsupported"}
	}
	in, f := s.readSubscribe(c)
	if f != nil {
		return nil, f
	}
	n, ok := s.world.openid.decode(in.ToUser)
	if !ok || n >= s.listed && n < strangers {
		return nil, &fault{40003, "invalid openid"}
	}
	m := message{person: n, channel: "notice", page: in.Page}
	if p := in.MiniProgram; p != nil && (p.AppID != "" || s.knobs.StrictMiniProgram) {
		if p.AppID != s.MiniAppID {
			return nil, &fault{40013, "invalid appid"}
		}
		if m.page = p.PagePath; !s.released(p.PagePath) {
			return nil, &fault{40165, "invalid weapp pagepath"}
		}
	}
	return s.sendByPermit(in, m, noticeTemplates)
}

func (s *Server) readSubscribe(c *call) (in subscribeRequest, f *fault) {
	if json.Unmarshal(c.body, &in) != nil {
		return in, &fault{47001, "data format error"}
	}
	return in, s.tooFast(c.api)
}

// What miniprogram_state and lang may be; both may be absent. Source: api_sendmessage.
var (
	states    = []string{"", "developer", "trial", "formal"}
	languages = []string{"", "zh_CN", "en_US", "zh_HK", "zh_TW"}
)

// sendByPermit takes a message and a permit for it: it checks, in this order, the template, the
// parameters, the values, and the permit.
func (s *Server) sendByPermit(in subscribeRequest, m message, own []subscribeTemplate) (any, *fault) {
	t := findTemplate(own, in.TemplateID)
	if t == nil {
		return nil, &fault{40037, "invalid template_id"}
	}
	if !slices.Contains(states, in.State) {
		return nil, &fault{47003, "argument invalid! miniprogram_state invalid"}
	}
	if !slices.Contains(languages, in.Lang) {
		return nil, &fault{47003, "argument invalid! lang invalid"}
	}
	refused := &fault{43101, "user refuse to accept the msg"}
	if bytes.HasPrefix(bytes.TrimSpace(in.Data), []byte(`"`)) { // as one report has it
		return nil, refused
	}
	var data map[string]templateValue
	if json.Unmarshal(in.Data, &data) != nil {
		return nil, &fault{47003, "argument invalid! data invalid"}
	}
	if key := t.badValue(data); key != "" {
		return nil, &fault{47003, "argument invalid! data." + key + ".value invalid"}
	}
	p := permit{m.person, in.TemplateID, m.channel == "subscribe"}
	if s.permits[p] == 0 || s.random.Float64() < s.knobs.RefusePermits {
		return nil, refused
	}
	if t.Type != longTerm {
		s.permits[p]--
	}
	s.lastMsgID++
	m.at, m.msgID = s.now(), s.lastMsgID
	s.ledger.Permitted++
	s.ledger.add(m)
	s.sendSent(m, in.TemplateID)
	return sendReply{0, "ok", m.msgID}, nil
}

// badValue names the first key whose value the template refuses, in its order; "" when all are
// right.
func (t *subscribeTemplate) badValue(data map[string]templateValue) string {
	if key := badValue(t.Content, data, miniFits); key != "" {
		return key
	}
	for _, e := range t.Enums {
		key := e.Key[:len(e.Key)-len(".DATA")]
		if !slices.Contains(e.Values, data[key].Value) {
			return key
		}
	}
	return ""
}

// sendSent tells what became of an accepted message. WeChat does not say which codes tell of a
// failure.
func (s *Server) sendSent(m message, templateID string) {
	item := listItem{TemplateID: templateID, MsgID: m.msgID, ErrorCode: "0", Status: "success"}
	if s.random.Float64() < s.knobs.SentFailed {
		item.ErrorCode, item.Status = "43101", "failed"
	}
	if !s.knobs.NoSentEvents {
		s.callbacks.send(event{from: s.addressOf(m), name: "subscribe_msg_sent_event", mini: m.channel == "subscribe",
			list: []listItem{item}}, s.receiptDelay())
	}
}
