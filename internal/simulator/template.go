package simulator

import (
	"encoding/json"
	"hash/maphash"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

type templateItem struct {
	ID              string `json:"template_id"`
	Title           string `json:"title"`
	PrimaryIndustry string `json:"primary_industry"`
	DeputyIndustry  string `json:"deputy_industry"`
	Content         string `json:"content"`
	Example         string `json:"example"`
}

// templates are the account's.
var templates = []templateItem{
	{
		ID: "sim-NewArrival_k3mQ0vX8bT5cZ1aYwR7uLpE9sHd", Title: "上新提醒", PrimaryIndustry: "IT科技",
		DeputyIndustry: "互联网|电子商务",
		Content:        "活动名称:{{thing1.DATA}}\n开始时间:{{time2.DATA}}\n", Example: "活动名称:秋季上新\n开始时间:2026-11-30 10:00\n",
	},
	{
		ID: "sim-OrderReady_p7nW4jK2fG6hV0xCqB9tMzS1rUe", Title: "取货通知", PrimaryIndustry: "IT科技",
		DeputyIndustry: "互联网|电子商务",
		Content:        "商品名称:{{thing1.DATA}}\n取货码:{{character_string2.DATA}}\n金额:{{amount3.DATA}}\n",
		Example:        "商品名称:咖啡\n取货码:A-17\n金额:28元\n",
	},
}

func (s *Server) templateList(*call) (any, *fault) {
	return struct {
		TemplateList []templateItem `json:"template_list"`
	}{templates}, nil
}

type templateValue struct {
	Value string `json:"value"`
}

// templateSend takes a message: it checks, in this order, the body, the template,
// the recipient, the mini program, the values, and whether it knows the
// client_msg_id from the last ten minutes.
func (s *Server) templateSend(c *call) (any, *fault) {
	var in struct {
		ToUser      string                   `json:"touser"`
		TemplateID  string                   `json:"template_id"`
		ClientMsgID string                   `json:"client_msg_id"`
		Data        map[string]templateValue `json:"data"`
		MiniProgram *struct {
			AppID    string `json:"appid"`
			PagePath string `json:"pagepath"`
		} `json:"miniprogram"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if s.knobs.RefuseSend != 0 {
		return nil, &fault{s.knobs.RefuseSend, "refused by a knob"}
	}
	if f := s.tooFast(c.api); f != nil {
		return nil, f
	}
	if len(in.ClientMsgID) > s.knobs.ClientMsgIDMax {
		return nil, &fault{47003, "argument invalid! client_msg_id invalid"}
	}
	t := templateByID(in.TemplateID)
	if t == nil {
		return nil, &fault{40037, "invalid template_id"}
	}
	n, ok := s.world.openid.decode(in.ToUser)
	if !ok || n >= s.listed {
		return nil, &fault{40003, "invalid openid"}
	}
	if s.gone[n] || !s.world.person(n).reachable {
		return nil, &fault{43004, "require subscribe"}
	}
	page := ""
	if in.MiniProgram != nil && (in.MiniProgram.AppID != "" || s.knobs.StrictMiniProgram) {
		if in.MiniProgram.AppID != s.MiniAppID {
			return nil, &fault{40013, "invalid appid"}
		}
		if page = in.MiniProgram.PagePath; !s.released(page) {
			return nil, &fault{40165, "invalid weapp pagepath"}
		}
	}
	if key := badValue(t.Content, in.Data, fits); key != "" {
		return nil, &fault{47003, "argument invalid! data." + key + ".value invalid"}
	}
	now := s.now()
	if in.ClientMsgID != "" {
		if msgID, seen := s.window.seen(in.ToUser+in.ClientMsgID, now, dedupTime); seen {
			return s.answerRepeat(c, msgID)
		}
	}
	if f := s.checkPerson(n, contentOf(in.ToUser, in.TemplateID, in.Data), now); f != nil {
		return nil, f
	}
	s.lastMsgID += 1 + int64(s.world.hash(n, 12)%5)
	if in.ClientMsgID != "" {
		s.window.add(in.ToUser+in.ClientMsgID, now, s.lastMsgID)
	}
	if s.random.Float64() < s.knobs.Held {
		s.review(message{person: n, at: now, channel: "template", clientMsgID: in.ClientMsgID, page: page})
		return nil, &fault{40252, "部分内容正在平台审核中，审核通过后将由平台下发"}
	}
	m := message{person: n, at: now, channel: "template", msgID: s.lastMsgID, clientMsgID: in.ClientMsgID, page: page}
	s.ledger.add(m)
	s.sendReceipt(m)
	return sendReply{0, "ok", m.msgID}, nil
}

type sendReply struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
	MsgID   int64  `json:"msgid"`
}

// answerRepeat answers a client_msg_id that is known; nothing is shown again.
func (s *Server) answerRepeat(c *call, msgID int64) (any, *fault) {
	s.ledger.Deduplicated++
	if s.knobs.RefusedAreFree {
		s.quotaOf(c.api).used--
	}
	switch s.knobs.RepeatAnswer {
	case "40241":
		return nil, &fault{40241, "The message is duplicate in 60 seconds"}
	case "new":
		s.lastMsgID++
		msgID = s.lastMsgID
	}
	return sendReply{0, "ok", msgID}, nil
}

// released tells whether a page, without its query, is in the released version.
func (s *Server) released(page string) bool {
	path, _, _ := strings.Cut(page, "?")
	return !strings.HasPrefix(path, "/") && (len(s.knobs.ReleasedPages) == 0 || path == "" ||
		slices.Contains(s.knobs.ReleasedPages, path))
}

// contentOf is what the duplicate filter compares.
func contentOf(openid, templateID string, data map[string]templateValue) string {
	var b strings.Builder
	b.WriteString(openid + "\x00" + templateID)
	for _, key := range slices.Sorted(maps.Keys(data)) {
		b.WriteString("\x00" + key + "\x00" + data[key].Value)
	}
	return b.String()
}

// checkPerson is what WeChat holds against too much for one person.
func (s *Server) checkPerson(n uint32, content string, now time.Time) *fault {
	if limit := s.knobs.PersonLimit; limit > 0 && s.ledger.today(n, now) >= limit {
		return &fault{43117, "Sending messages to this openid too frequently,please try later"}
	}
	if window := time.Duration(s.knobs.DuplicateFilter); window > 0 {
		if _, seen := s.contents.seen(content, now, window); seen {
			return &fault{40241, "The message is duplicate in 60 seconds"}
		}
		s.contents.add(content, now, 0)
	}
	return nil
}

func templateByID(id string) *templateItem {
	for i := range templates {
		if templates[i].ID == id {
			return &templates[i]
		}
	}
	return nil
}

// keyMark finds a template's keys with their types.
var keyMark = regexp.MustCompile(`\{\{(([a-z_]+)\d*)\.DATA\}\}`)

// badValue names the first key whose value does not fit, in the order of the template's
// content; "" when all are right.
func badValue(content string, data map[string]templateValue, fits func(kind, value string) bool) string {
	for _, m := range keyMark.FindAllStringSubmatch(content, -1) {
		value := data[m[1]].Value
		if value == "" || strings.ContainsFunc(value, unicode.IsControl) || !fits(m[2], value) {
			return m[1]
		}
	}
	return ""
}

var (
	amount     = regexp.MustCompile(`^[¥￥$]?\d{1,12}(\.\d+)?元?$`)
	miniAmount = regexp.MustCompile(`^[¥￥$]?\d{1,10}(\.\d+)?元?$`)
)

// fits tells whether a category template takes a value.
func fits(kind, value string) bool {
	switch kind {
	case "thing":
		return utf8.RuneCountInString(value) <= 20
	case "character_string":
		return len(value) <= 32 && !strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII })
	case "amount":
		return amount.MatchString(value)
	case "phrase":
		return utf8.RuneCountInString(value) <= 5
	case "time", "date":
		return strings.ContainsFunc(value, unicode.IsDigit)
	}
	return true
}

// miniFits tells whether a subscribe message takes a value. Source: api_sendmessage.
func miniFits(kind, value string) bool {
	if kind == "amount" {
		return miniAmount.MatchString(value)
	}
	return fits(kind, value)
}

// dedupTime is how long a client_msg_id is known. Source: api_sendtemplatemessage.
const dedupTime = 10 * time.Minute

// dedupWindow remembers client_msg_ids in two generations, each as old as the
// window: nothing is forgotten early, and old ones go without a search.
type dedupWindow struct {
	seed     maphash.Seed
	now, old map[uint64]dedupEntry
	turnedAt time.Time
}

type dedupEntry struct {
	at    time.Time
	msgID int64
}

func newDedupWindow() *dedupWindow {
	return &dedupWindow{seed: maphash.MakeSeed(), now: map[uint64]dedupEntry{}}
}

// seen tells whether a text was added less than window ago, which is at most
// dedupTime.
func (d *dedupWindow) seen(text string, now time.Time, window time.Duration) (msgID int64, ok bool) {
	if now.Sub(d.turnedAt) >= dedupTime {
		d.old, d.now, d.turnedAt = d.now, map[uint64]dedupEntry{}, now
	}
	key := maphash.String(d.seed, text)
	for _, generation := range []map[uint64]dedupEntry{d.now, d.old} {
		if e, found := generation[key]; found && now.Sub(e.at) < window {
			return e.msgID, true
		}
	}
	return 0, false
}

func (d *dedupWindow) add(text string, now time.Time, msgID int64) {
	d.now[maphash.String(d.seed, text)] = dedupEntry{now, msgID}
}
