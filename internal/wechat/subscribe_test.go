package wechat_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Subscribe messages by the mini program's token: its templates, a message for a consent, and
// none without.
func TestSubscribeMessages(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 50, Seed: 7,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	c := wechat.New(wechat.Options{AppID: wxcast.AppID(sim.MiniAppID), Secret: config.Secret(sim.MiniSecret),
		Bases: []string{base}, Timeout: 2 * time.Second, Conns: 2, Tokens: openStore(t)})
	defer c.Close()
	templates, err := c.ListSubscribeTemplates(t.Context())
	if err != nil || len(templates) < 2 || templates[0].ID != sim.TemplateID || templates[0].Kind != wxcast.PermitOnce ||
		len(templates[0].Keys) != 2 || templates[0].Keys[0] != "thing1" {
		t.Fatalf("%+v %v", templates, err)
	}
	var who string
	for u := range sim.MiniUsers() {
		who = u.OpenID
		break
	}
	m := wechat.SubscribeMessage{ToUser: wxcast.MiniOpenID(who), TemplateID: sim.TemplateID, Page: "pages/a?b=1",
		Lang: "zh_CN", Data: map[string]string{"thing1": "上新 <提醒>", "time2": "10:00"}}
	send := func(want int) {
		t.Helper()
		msgID, err := c.SendSubscribe(t.Context(), m)
		if got := wechat.CodeOf(err); got != want || want == 0 && msgID <= 1<<53 {
			t.Errorf("msgid %d, errcode %d (%v), want %d", msgID, got, err, want)
		}
	}
	send(43101)
	sim.GivePermits(who, sim.TemplateID, 2)
	send(0)
	bad := m.Data["thing1"]
	m.Data["thing1"] = "这个值有二十多个汉字所以微信会拒绝它并返回错误码"
	send(47003)
	m.Data["thing1"] = bad
	send(0)
	send(43101)
	m.ToUser = "nobody"
	send(40003)
}
