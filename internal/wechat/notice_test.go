package wechat_test

import (
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestANotice(t *testing.T) {
	for _, test := range []struct {
		name    string
		permits int
		change  func(*wechat.NoticeMessage)
		code    int
		class   wechat.Class
	}{
		{"all right", 1, func(*wechat.NoticeMessage) {}, 0, wechat.ClassOK},
		{"without a mini program", 1, func(m *wechat.NoticeMessage) { m.MiniAppID = "" }, 0, wechat.ClassOK},
		{"without a permit", 0, func(*wechat.NoticeMessage) {}, 43101, wechat.ClassDead},
		{"a foreign mini program", 1, func(m *wechat.NoticeMessage) { m.MiniAppID = "wxother" }, 40013,
			wechat.ClassConfigStop},
		{"a page with a slash", 1, func(m *wechat.NoticeMessage) { m.PagePath = "/pages/a" }, 40165,
			wechat.ClassConfigStop},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone})
			who, _ := sim.FollowerIDs(0)
			if test.permits > 0 {
				sim.GivePermits(who, sim.TemplateID, test.permits)
			}
			m := wechat.NoticeMessage{ToUser: wxcast.OpenID(who), TemplateID: sim.TemplateID,
				Page: "https://h5.example/x", MiniAppID: wxcast.AppID(sim.MiniAppID), PagePath: "pages/a",
				Data: map[string]string{"thing1": "a", "time2": "10:00"}}
			test.change(&m)
			msgID, err := newClient(t, sim, openStore(t), base).SendNotice(t.Context(), m)
			if wechat.CodeOf(err) != test.code || wechat.ClassOf(err) != test.class || (err == nil) != (msgID > 1<<53) {
				t.Errorf("msgid %d: %v, class %v", msgID, err, wechat.ClassOf(err))
			}
		})
	}
}

// The mini program's token is none for notices, and no other token would help.
func TestANoticeByTheMiniProgramsToken(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone})
	_, err := newMiniClient(t, sim, base).SendNotice(t.Context(), wechat.NoticeMessage{})
	if wechat.CodeOf(err) != 45103 || wechat.ClassOf(err) != wechat.ClassConfigStop {
		t.Errorf("%v", err)
	}
}
