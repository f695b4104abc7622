package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

const qrCodeAPI = "/cgi-bin/qrcode/create"

func TestQRCodesAsWeChatMakesThem(t *testing.T) {
	body := func(scene, action string, seconds int) string {
		return fmt.Sprintf(`{"expire_seconds":%d,"action_name":%q,"action_info":{"scene":{"scene_str":%q}}}`, seconds,
			action, scene)
	}
	for _, c := range []struct {
		name, body, want string
	}{
		{"a scene of 64 characters", body(strings.Repeat("座", 64), "QR_STR_SCENE", 600), "ok"},
		{"one of 65", body(strings.Repeat("x", 65), "QR_STR_SCENE", 600), "40053"},
		{"none", body("", "QR_STR_SCENE", 600), "40053"},
		{"for longer than 30 days", body("x", "QR_STR_SCENE", 30*86400+1), "40097"},
		{"another action", body("x", "QR_SCENE", 600), "40097"},
		{"no JSON", "{", "47001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(t, simulator.Options{Followers: 3})
			reply := post(t, a.url(qrCodeAPI), c.body)
			if got := code(reply); got != c.want {
				t.Fatalf("errcode %s, want %s: %v", got, c.want, reply)
			}
			if c.want == "ok" && (reply["ticket"] == nil || reply["url"] == nil ||
				fmt.Sprint(reply["expire_seconds"]) != "600") {
				t.Errorf("%v: want a ticket, a url and 600 seconds", reply)
			}
		})
	}

	a := newAccount(t, simulator.Options{Followers: 3})
	says := fmt.Sprint(post(t, a.url(qrCodeAPI), body("door", "QR_STR_SCENE", 600))["url"])
	openid := fmt.Sprint(a.users[0])
	if !a.sim.Scan(openid, "door") {
		t.Error("a follower cannot scan it")
	}
	a.sim.Leave(openid)
	if !a.sim.Scan(openid, says) || a.sim.State().Followers != 3 {
		t.Error("who has left and scans it does not follow again")
	}
	a.sim.MoveClock(11 * time.Minute)
	if a.sim.Scan(openid, "door") {
		t.Error("it is scanned after its end")
	}
}
