package subscribe_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var _ broadcast.Channel = subscribe.Channel{}

const good = `name: order-shipped
channels:
  - subscribe:
      template: SUB_ID
      page: "pages/order?id={{ .order }}"
      data: {thing1: "{{ .goods }}", time2: "2026-11-30 10:00", enum3: "{{ .state }}"}
audience: {in: orders.csv}
`

func parse(t *testing.T, change string) (*spec.Spec, spec.Part) {
	t.Helper()
	old, replacement, _ := strings.Cut(change, " => ")
	s, err := spec.Parse("s.yaml", []byte(strings.Replace(good, old, replacement, 1)), template.Form{},
		subscribe.Form{})
	if err != nil {
		t.Fatalf("%s: %s", change, words(err))
	}
	return s, s.Parts[0]
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return text.English.Error(err, text.NoDoor, nil)
}

func order(goods, state string) *wxcast.Delivery {
	return &wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o1"}, MiniOpenID: "m1",
		Vars: map[string]string{"order": "A&1", "goods": goods, "state": state}}
}

func TestAMessageIsWrittenForAUserOfTheMiniProgram(t *testing.T) {
	for change, want := range map[string]wechat.SubscribeMessage{
		"": {Page: "pages/order?id=A%261", Version: "formal", Lang: "zh_CN"},
		"      page: => \n      miniprogram_state: trial\n      lang: en_US\n      page:": {Page: "pages/order?id=A%261",
			Version: "trial", Lang: "en_US"},
		"      page: => \n      appid: wx1 #": {Version: "formal", Lang: "zh_CN"},
	} {
		s, part := parse(t, change)
		m, err := subscribe.NewMessage(s, part, nil)
		if err != nil {
			t.Fatal(words(err))
		}
		got, err := m.For(order("茶杯", "已发货"))
		if err != nil || got.ToUser != "m1" || got.TemplateID != "SUB_ID" || got.Page != want.Page ||
			got.Version != want.Version || got.Lang != want.Lang || got.Data["thing1"] != "茶杯" ||
			got.Data["time2"] != "2026-11-30 10:00" || got.Data["enum3"] != "已发货" {
			t.Errorf("%s: %+v %v", change, got, err)
		}
	}
}

func TestAValueThatDoesNotFitIsRefused(t *testing.T) {
	enums := map[string][]string{"enum3": {"待发货", "已发货"}}
	long := strings.Repeat("长", 21)
	for name, test := range map[string]struct{ change, goods, state, key, thing string }{
		"good":             {"", "茶杯", "已发货", "", "茶杯"},
		"too long":         {"", long, "已发货", "channels.subscribe.data.thing1", ""},
		"empty":            {"", "", "已发货", "channels.subscribe.data.thing1", ""},
		"cut":              {"audience: => on_bad_value: truncate\naudience:", long, "已发货", "", long[:3*19] + "…"},
		"not listed":       {"", "茶杯", "在路上", "channels.subscribe.data.enum3", ""},
		"no cut for these": {"audience: => on_bad_value: truncate\naudience:", "茶杯", "在路上", "channels.subscribe.data.enum3", ""},
		"no page": {"pages/order?id={{ .order }} => {{ .goods }}", "https://evil.example/", "已发货", "channels.subscribe.page",
			""},
	} {
		s, part := parse(t, test.change)
		m, err := subscribe.NewMessage(s, part, enums)
		if err != nil {
			t.Fatal(words(err))
		}
		got, err := m.For(order(test.goods, test.state))
		var bad *spec.ValueError
		if errors.As(err, &bad) != (test.key != "") || bad != nil && bad.Key != test.key ||
			bad == nil && got.Data["thing1"] != test.thing {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestASpecIsHeldAgainstTheMiniProgramsTemplate(t *testing.T) {
	templates := []wechat.SubscribeTemplate{{
		Template: wechat.Template{ID: "SUB_ID", Title: "发货通知", Keys: []string{"thing1", "time2", "enum3"}},
		Enums:    map[string][]string{"enum3": {"待发货", "已发货"}},
	}}
	for change, want := range map[string]string{
		"":                              "",
		"\"{{ .state }}\" => 已发货":       "",
		"\"{{ .state }}\" => 在路上":       `s.yaml:6: channels.subscribe.data.enum3: "在路上" is none of the template's values; write 待发货 or 已发货`,
		"thing1 => thing9":              "s.yaml:6: channels.subscribe.data.thing9: the template 发货通知 has no such key",
		`, enum3: "{{ .state }}" => `:   "s.yaml:6: channels.subscribe.data.enum3: is missing; the template 发货通知 asks for thing1, time2, enum3",
		"SUB_ID => TPL_ID":              `s.yaml:4: channels.subscribe.template: the mini program has no template "TPL_ID"; it has SUB_ID (发货通知)`,
		"\"2026-11-30 10:00\" => later": `s.yaml:6: channels.subscribe.data.time2: "later" is no time`,
	} {
		s, part := parse(t, change)
		bad := subscribe.CheckTemplate(s, part, templates)
		if want == "" && len(bad) > 0 || want != "" && (len(bad) == 0 || !strings.HasPrefix(words(bad[0]), want)) {
			t.Errorf("%s: %v, want %s", change, bad, want)
		}
	}
	s, part := parse(t, "")
	if bad := subscribe.CheckTemplate(s, part, nil); len(bad) != 1 || !strings.Contains(words(bad[0]), "公共模板库") {
		t.Errorf("%v", bad)
	}
}

// wechats takes messages for WeChat.
type wechats struct{ sent []wechat.SubscribeMessage }

func (w *wechats) SendSubscribe(_ context.Context, m wechat.SubscribeMessage) (int64, error) {
	w.sent = append(w.sent, m)
	return 7, nil
}

func TestOneCallForEachDelivery(t *testing.T) {
	s, part := parse(t, "")
	m, err := subscribe.NewMessage(s, part, nil)
	if err != nil {
		t.Fatal(words(err))
	}
	to := &wechats{}
	c := subscribe.Channel{Message: m, Sender: to}
	if id, err := c.Send(t.Context(), order("茶杯", "已发货")); id != 7 || err != nil || len(to.sent) != 1 {
		t.Errorf("%d %v %v", id, err, to.sent)
	}
	var bad *spec.ValueError
	if _, err := c.Send(t.Context(), order("", "")); !errors.As(err, &bad) || len(to.sent) != 1 {
		t.Errorf("%v %v", err, to.sent)
	}
	if f := c.Facts(); f.DedupWindow != 0 || !f.Serial || f.Right != wxcast.RightPermit ||
		f.App != wxcast.KindMiniProgram || !f.Refuses(43101) || f.Refuses(43108) {
		t.Errorf("%+v", f)
	}
	if c.Profile() || !c.PerPerson() {
		t.Error("it names a list's values, and nothing of the follower's row")
	}
}
