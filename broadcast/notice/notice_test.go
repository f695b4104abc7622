package notice_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var _ broadcast.Channel = notice.Channel{}

const good = `name: n
channels:
  - notice:
      template: SUB_ID
      page: "https://shop.example/?o={{ .openid }}"
      data: {thing1: "{{ .remark }}", enum2: 已发货}
      miniprogram: {appid: wx1, pagepath: "pages/order?o={{ .remark }}"}
`

func parse(change string) (*spec.Spec, error) {
	old, replacement, _ := strings.Cut(change, " => ")
	return spec.Parse("s.yaml", []byte(strings.Replace(good, old, replacement, 1)), template.Form{}, notice.Form{})
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return text.English.Error(err, text.NoDoor, nil)
}

var templates = []wechat.SubscribeTemplate{{
	Template: wechat.Template{ID: "SUB_ID", Title: "发货通知", Keys: []string{"thing1", "enum2"}},
	Enums:    map[string][]string{"enum2": {"待发货", "已发货"}},
}}

func TestANoticesMistakesAreToldWithTheirLine(t *testing.T) {
	for change, want := range map[string]string{
		"":                               "",
		"      template: SUB_ID\n => ":   "s.yaml:3: channels.notice.template: is missing; copy the template id from the account's console",
		"https:// => ":                   "s.yaml:5: channels.notice.page: ",
		"pages/order? => /pages/order?":  "s.yaml:7: channels.notice.miniprogram.pagepath: ",
		"SUB_ID => OTHER":                `s.yaml:4: channels.notice.template: the account has no template "OTHER"; it has SUB_ID (发货通知)`,
		"已发货 => 在路上":                     "s.yaml:6: channels.notice.data.enum2: ",
		"appid: wx1, pagepath: => path:": "s.yaml:7: channels.notice.miniprogram.path: is not a key of a spec; did you mean pagepath?",
		`, pagepath: "pages/order?o={{ .remark }}" => `: "s.yaml:7: channels.notice.miniprogram.pagepath: is missing",
	} {
		s, err := parse(change)
		got := words(err)
		if err == nil {
			for _, bad := range notice.CheckTemplate(s, s.Parts[0], templates) {
				got += words(bad)
			}
		}
		if (want == "") != (got == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", change, got, want)
		}
	}
}

// wechats takes messages for WeChat.
type wechats struct{ sent []wechat.NoticeMessage }

func (w *wechats) SendNotice(_ context.Context, m wechat.NoticeMessage) (int64, error) {
	w.sent = append(w.sent, m)
	return 7, nil
}

func TestANoticeIsWrittenForItsRecipient(t *testing.T) {
	d := &wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o1", Remark: "A&1"}, MiniOpenID: "m1"}
	for change, want := range map[string]wechat.NoticeMessage{
		"":                                {Page: "https://shop.example/?o=o1", MiniAppID: "wxMP", PagePath: "pages/order?o=A%261"},
		"      miniprogram: => \n      #": {Page: "https://shop.example/?o=o1"},
	} {
		s, err := parse(change)
		if err != nil {
			t.Fatal(words(err))
		}
		m, err := notice.NewMessage(s, s.Parts[0], "wxMP", notice.Allowed(s.Parts[0], templates))
		if err != nil {
			t.Fatal(words(err))
		}
		to := &wechats{}
		c := notice.Channel{Message: m, Sender: to}
		if id, err := c.Send(t.Context(), d); id != 7 || err != nil || len(to.sent) != 1 {
			t.Fatalf("%s: %d %v %v", change, id, err, to.sent)
		}
		got := to.sent[0]
		if got.ToUser != "o1" || got.TemplateID != "SUB_ID" || got.Page != want.Page ||
			got.MiniAppID != want.MiniAppID ||
			got.PagePath != want.PagePath || got.Data["thing1"] != "A&1" {
			t.Errorf("%s: %+v", change, got)
		}
		if shown, err := m.Show(d); err != nil || shown.To != "o1" || shown.URL != want.Page || !m.Profile() ||
			!m.PerPerson() {
			t.Errorf("%s: %+v %v", change, shown, err)
		}
	}
	if f := (notice.Channel{}).Facts(); f.App != wxcast.KindOfficialAccount || !f.Refuses(43101) || f.Refuses(43004) {
		t.Errorf("%+v", f)
	}
}
