package wechat_test

import (
	"errors"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// picture is enough of one for WeChat to know its kind.
var picture = []byte("\x89PNG\r\n\x1a\n and what follows")

func TestACardAndATextGoIntoAnOpenWindow(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone})
	c := newClient(t, sim, openStore(t), base)
	who, _ := sim.FollowerIDs(0)
	sim.Say(who, "在吗")
	media, expires, err := c.UploadImage(t.Context(), "封面.png", picture)
	if life := time.Until(expires); err != nil || media == "" || life < 71*time.Hour || life > 73*time.Hour {
		t.Fatalf("%q until %v: %v", media, expires, err)
	}
	card := wechat.Card{ToUser: wxcast.OpenID(who), Title: "秋季上新", MiniAppID: wxcast.AppID(sim.MiniAppID),
		PagePath: "pages/a?b=1", ThumbMediaID: media}
	text := wechat.CustomText{ToUser: wxcast.OpenID(who),
		Content: `<a href="https://x" data-miniprogram-appid="` + sim.MiniAppID + `" data-miniprogram-path="p/a">看</a>`}
	if err := errors.Join(c.SendCard(t.Context(), card), c.SendCustomText(t.Context(), text)); err != nil {
		t.Error(err)
	}
	if got := sim.Received("service")[who]; got != 2 {
		t.Errorf("%d messages", got)
	}
}

// What the simulator refuses has the class that the engine goes by.
func TestWhatIsWrongWithACustomMessage(t *testing.T) {
	for _, test := range []struct {
		name  string
		do    func(sim *simulator.Server, who string, card *wechat.Card)
		code  int
		class wechat.Class
	}{
		{"nothing", func(*simulator.Server, string, *wechat.Card) {}, 0, wechat.ClassOK},
		{"no window", func(s *simulator.Server, _ string, _ *wechat.Card) { s.MoveClock(49 * time.Hour) }, 45015,
			wechat.ClassDead},
		{"a window used up", func(s *simulator.Server, who string, _ *wechat.Card) {
			s.SetKnobs(func(k *simulator.Knobs) { k.MessageWindowCount = 0 })
			s.Say(who, "x")
		}, 45047, wechat.ClassDead},
		{"the person left", func(s *simulator.Server, who string, _ *wechat.Card) { s.Leave(who) }, 43004,
			wechat.ClassDead},
		{"an openid of nobody", func(_ *simulator.Server, _ string, c *wechat.Card) { c.ToUser = "x" }, 40003,
			wechat.ClassDead},
		{"a foreign mini program", func(_ *simulator.Server, _ string, c *wechat.Card) { c.MiniAppID = "wx2" }, 40013,
			wechat.ClassConfigStop},
		{"a page with a slash", func(_ *simulator.Server, _ string, c *wechat.Card) { c.PagePath = "/p" }, 40165,
			wechat.ClassConfigStop},
		{"a picture of nobody's", func(_ *simulator.Server, _ string, c *wechat.Card) { c.ThumbMediaID = "x" }, 40007,
			wechat.ClassConfigStop},
		{"no title", func(_ *simulator.Server, _ string, c *wechat.Card) { c.Title = "" }, 47003, wechat.ClassMsgBad},
		{"busy, not sent", func(s *simulator.Server, _ string, _ *wechat.Card) {
			s.SetKnobs(func(k *simulator.Knobs) { k.BusyCard = 1 })
		}, -1, wechat.ClassRetryLater},
		{"blocked", func(s *simulator.Server, _ string, _ *wechat.Card) {
			s.SetKnobs(refuse(wechat.CustomSendAPI, 45087))
		}, 45087, wechat.ClassConfigStop},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone})
			c := newClient(t, sim, openStore(t), base)
			who, _ := sim.FollowerIDs(0)
			sim.Say(who, "在吗")
			media, _, err := c.UploadImage(t.Context(), "a.png", picture)
			if err != nil {
				t.Fatal(err)
			}
			card := wechat.Card{ToUser: wxcast.OpenID(who), Title: "a", MiniAppID: wxcast.AppID(sim.MiniAppID),
				PagePath: "pages/a", ThumbMediaID: media}
			test.do(sim, who, &card)
			err = c.SendCard(t.Context(), card)
			if wechat.CodeOf(err) != test.code || wechat.ClassOf(err) != test.class {
				t.Errorf("%v: class %v, want %v", err, wechat.ClassOf(err), test.class)
			}
			var e *wechat.Error
			if test.code == -1 && (!errors.As(err, &e) || !e.MaybeDone) {
				t.Errorf("-1 does not say that the card may be out: %v", err)
			}
		})
	}
}

// A text that leads into a mini program of somebody else's stops everything.
func TestATextWithAForeignLink(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 5, Shares: everyone})
	who, _ := sim.FollowerIDs(0)
	sim.Say(who, "在吗")
	err := newClient(t, sim, openStore(t), base).SendCustomText(t.Context(), wechat.CustomText{
		ToUser: wxcast.OpenID(who), Content: `<a data-miniprogram-appid="wxother">x</a>`})
	if wechat.CodeOf(err) != 45086 || wechat.ClassOf(err) != wechat.ClassConfigStop {
		t.Errorf("%v", err)
	}
}
