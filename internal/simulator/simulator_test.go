package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/domain/openapi"
	miniconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/miniprogram/subscribe"
	oaconfig "github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/officialaccount/user"
	"github.com/silenceper/wechat/v2/util"

	"github.com/wxcast/wxcast/internal/simulator"
)

func start(t *testing.T, o simulator.Options) (*simulator.Server, string) {
	t.Helper()
	sim := simulator.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, server.URL
}

// get and post are raw calls; the reply is a map of JSON values.
func get(t *testing.T, url string) map[string]any { return read(t)(http.Get(url)) }
func post(t *testing.T, url, body string) map[string]any {
	return read(t)(http.Post(url, "application/json", strings.NewReader(body)))
}

func read(t *testing.T) func(*http.Response, error) map[string]any {
	return func(resp *http.Response, err error) map[string]any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		dec := json.NewDecoder(resp.Body)
		dec.UseNumber()
		out := map[string]any{}
		if err := dec.Decode(&out); err != nil {
			t.Fatalf("status %d: %v", resp.StatusCode, err)
		}
		return out
	}
}

func token(t *testing.T, sim *simulator.Server, base string, force bool) map[string]any {
	return post(t, base+"/cgi-bin/stable_token",
		fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%v}`, sim.AppID,
			sim.Secret, force))
}

// The SDK's own calls, unchanged, find in the simulator what they expect of WeChat.
func TestTheSDKWorksOnTheSimulator(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 12_000, Seed: 3})
	util.SetURIModifier(func(uri string) string { return strings.Replace(uri, "https://api.weixin.qq.com", base, 1) })
	t.Cleanup(func() { util.SetURIModifier(nil) })
	account := wechat.NewWechat().GetOfficialAccount(&oaconfig.Config{
		AppID: sim.AppID, AppSecret: sim.Secret, Cache: cache.NewMemory(), UseStableAK: true,
	})

	openids, err := account.GetUser().ListAllUserOpenIDs()
	if err != nil || len(openids) != 12_000 {
		t.Fatalf("%d openids: %v", len(openids), err)
	}
	batch := user.BatchGetUserInfoParams{}
	for _, openid := range openids[:100] {
		batch.UserList = append(batch.UserList, user.BatchGetUserListItem{OpenID: openid, Lang: "zh_CN"})
	}
	infos, err := account.GetUser().BatchGetUserInfo(batch)
	if err != nil || len(infos.UserInfoList) != 100 || infos.UserInfoList[0].Subscribe != 1 {
		t.Fatalf("%+v %v", infos, err)
	}
	info, err := account.GetUser().GetUserInfo(openids[0])
	if err != nil || info.OpenID != openids[0] || info.SubscribeTime == 0 {
		t.Errorf("%+v %v", info, err)
	}
	templates, err := account.GetTemplate().List()
	if err != nil || templates[0].TemplateID != sim.TemplateID {
		t.Fatalf("%+v %v", templates, err)
	}
	m := &message.TemplateMessage{ToUser: openids[1], TemplateID: sim.TemplateID,
		Data: map[string]*message.TemplateDataItem{
			"thing1": {Value: "上新提醒"}, "time2": {Value: "2026-11-30 10:00"},
		}}
	if msgID, err := account.GetTemplate().Send(m); err != nil || msgID <= 1<<53 {
		t.Errorf("msgid %d: %v", msgID, err)
	}
	tags, err := account.GetUser().GetTag()
	if err != nil || len(tags) != 3 {
		t.Errorf("%+v %v", tags, err)
	}
	tagged, err := account.GetUser().OpenIDListByTag(int32(tags[0].ID))
	if err != nil || int64(tagged.Count) != tags[0].Count {
		t.Errorf("%+v beside %+v: %v", tagged, tags[0], err)
	}

	mini := wechat.NewWechat().GetMiniProgram(&miniconfig.Config{AppID: sim.MiniAppID, AppSecret: sim.MiniSecret,
		Cache: cache.NewMemory()})
	for u := range sim.MiniUsers() {
		code, _ := sim.NewLoginCode(u.OpenID)
		session, err := mini.GetAuth().Code2Session(code)
		if err != nil || session.OpenID != u.OpenID || session.UnionID != u.UnionID || session.SessionKey == "" {
			t.Errorf("%+v %v", session, err)
		}
		if _, err := mini.GetAuth().Code2Session(code); err == nil || !strings.Contains(err.Error(), "40163") {
			t.Errorf("a code used twice: %v", err)
		}
		sim.GivePermits(u.OpenID, sim.TemplateID, 1)
		msg := &subscribe.Message{ToUser: u.OpenID, TemplateID: sim.TemplateID,
			Data: map[string]*subscribe.DataItem{"thing1": {Value: "a"}, "time2": {Value: "10:00"}}}
		if msgID, err := mini.GetSubscribe().SendGetMsgID(msg); err != nil || msgID <= 1<<53 {
			t.Errorf("msgid %d: %v", msgID, err)
		}
		if err := mini.GetSubscribe().Send(msg); err == nil || !strings.Contains(err.Error(), "43101") {
			t.Errorf("without a permit: %v", err)
		}
		break
	}
	quota, err := account.GetOpenAPI().GetAPIQuota(openapi.GetAPIQuotaParams{CgiPath: "/cgi-bin/message/template/send"})
	if err != nil || quota.Quota.Used != 1 || quota.Quota.DailyLimit != 100_000 {
		t.Errorf("%+v %v", quota, err)
	}
}

func TestStableTokenKeepsItsTokenUntilForced(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 1})
	first := token(t, sim, base, false)
	if again := token(t, sim, base, false); again["access_token"] != first["access_token"] {
		t.Error("another token without force")
	}
	sim.MoveClock(1000 * time.Second)
	if left := token(t, sim, base, false)["expires_in"]; fmt.Sprint(left) != "6199" && fmt.Sprint(left) != "6200" {
		t.Errorf("after 1000 s of 7200 it has %v left", left)
	}
	sim.MoveClock(5920 * time.Second) // 280 s before its end
	second := token(t, sim, base, false)
	if second["access_token"] == first["access_token"] {
		t.Error("no new token in the last five minutes")
	}
	call := func(tok map[string]any) string {
		return fmt.Sprint(get(t, fmt.Sprintf("%s/cgi-bin/user/get?access_token=%s", base,
			tok["access_token"]))["errcode"])
	}
	if got := call(first); got != "<nil>" {
		t.Errorf("the old token does not overlap: %s", got)
	}
	sim.MoveClock(281 * time.Second)
	if got := call(first); got != "42001" {
		t.Errorf("the old token after its end: %s", got)
	}
	third := token(t, sim, base, true)
	if got := call(second); got != "40001" {
		t.Errorf("the forced-out token: %s", got)
	}
	if fourth := token(t, sim, base, true); fourth["access_token"] != third["access_token"] {
		t.Error("forced twice within 30 s")
	}
}

func TestFaultsThatACallerCanMake(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 200, Seed: 5})
	tok := token(t, sim, base, false)["access_token"]
	url := func(path string) string { return fmt.Sprintf("%s%s?access_token=%s", base, path, tok) }
	page := get(t, url("/cgi-bin/user/get"))["data"].(map[string]any)["openid"].([]any)
	send := func(openid any, change string) string {
		body := fmt.Sprintf(`{"touser":%q,"template_id":%q,"miniprogram":{"appid":%q,"pagepath":"pages/a"},"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`, openid, sim.TemplateID, sim.MiniAppID)
		old, replacement, _ := strings.Cut(change, " => ")
		return fmt.Sprint(post(t, url("/cgi-bin/message/template/send"),
			strings.Replace(body, old, replacement, 1))["errcode"])
	}
	batch := func(n int) string {
		return `{"user_list":[` + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"openid":%q},`, page[0]), n),
			",") + `]}`
	}
	for name, test := range map[string]struct{ got, want string }{
		"no token":                 {fmt.Sprint(get(t, base+"/cgi-bin/user/get")["errcode"]), "41001"},
		"a made-up token":          {fmt.Sprint(get(t, base+"/cgi-bin/user/get?access_token=x")["errcode"]), "40001"},
		"GET where POST is wanted": {fmt.Sprint(get(t, url("/cgi-bin/user/info/batchget"))["errcode"]), "43002"},
		"a made-up cursor": {fmt.Sprint(get(t, url("/cgi-bin/user/get")+"&next_openid=nobody")["errcode"]),
			"40003"},
		"101 openids": {fmt.Sprint(post(t, url("/cgi-bin/user/info/batchget"), batch(101))["errcode"]),
			"40032"},
		"100 openids": {fmt.Sprint(post(t, url("/cgi-bin/user/info/batchget"), batch(100))["errcode"]),
			"<nil>"},
		"no openids": {fmt.Sprint(post(t, url("/cgi-bin/user/info/batchget"), batch(0))["errcode"]),
			"40032"},
		"no JSON": {fmt.Sprint(post(t, url("/cgi-bin/message/template/send"), "a=b")["errcode"]),
			"47001"},
		"an unknown template":    {send(page[0], sim.TemplateID+" => nothing"), "40037"},
		"an unknown openid":      {send("nobody", ""), "40003"},
		"a foreign mini program": {send(page[0], sim.MiniAppID+" => wxforeign"), "40013"},
		"a leading slash":        {send(page[0], "pages/a => /pages/a"), "40165"},
		"a value too long":       {send(page[0], `"a" => "一二三四五六七八九十一二三四五六七八九十一"`), "47003"},
		"a missing key":          {send(page[0], `time2 => time3`), "47003"},
		"all right":              {send(page[0], ""), "0"},
		"an unknown cgi_path": {fmt.Sprint(post(t, url("/cgi-bin/openapi/quota/get"),
			`{"cgi_path":"/x"}`)["errcode"]), "76021"},
		"a /sns/ path": {fmt.Sprint(post(t, url("/cgi-bin/openapi/quota/get"),
			`{"cgi_path":"/sns/jscode2session"}`)["errcode"]), "76022"},
	} {
		if test.got != test.want {
			t.Errorf("%s: errcode %s, want %s", name, test.got, test.want)
		}
	}
}

func TestPagingEndsWithAPageWithoutData(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 25, Knobs: simulator.Knobs{PageSize: 10}})
	tok := token(t, sim, base, false)["access_token"]
	page := func(next any) map[string]any {
		return get(t, fmt.Sprintf("%s/cgi-bin/user/get?access_token=%s&next_openid=%v", base, tok, next))
	}
	last := page("")
	sim.RemoveFollowers(10) // the cursor itself has gone, too
	for _, want := range []string{"10", "5"} {
		last = page(last["next_openid"])
		if got := fmt.Sprint(last["count"]); got != want || fmt.Sprint(last["total"]) != "15" {
			t.Errorf("%v, want a count of %s of 15", last, want)
		}
	}
	end := page(last["next_openid"])
	if _, has := end["data"]; has || fmt.Sprint(end["count"]) != "0" || end["next_openid"] != "" {
		t.Errorf("the page behind the last: %v", end)
	}
}

func TestTheDayOfAQuotaIsBeijings(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 1,
		Knobs: simulator.Knobs{DailyLimits: map[string]int64{"/cgi-bin/user/get": 2}}})
	tok := token(t, sim, base, false)["access_token"]
	call := func() string {
		return fmt.Sprint(get(t, fmt.Sprintf("%s/cgi-bin/user/get?access_token=%s", base, tok))["errcode"])
	}
	now := sim.State().Now.In(time.FixedZone("", 8*3600))
	toMidnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location()).Sub(now)
	sim.MoveClock(toMidnight - time.Minute)
	tok = token(t, sim, base, true)["access_token"]
	if got := call() + call() + call(); got != "<nil><nil>45009" {
		t.Errorf("before midnight: %s", got)
	}
	sim.MoveClock(2 * time.Minute)
	if got := call(); got != "<nil>" {
		t.Errorf("after midnight: %s", got)
	}
}

func TestAClientMsgIDIsTakenOnceInTenMinutes(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 50, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	tok := token(t, sim, base, false)["access_token"]
	page := get(t, fmt.Sprintf("%s/cgi-bin/user/get?access_token=%s", base,
		tok))["data"].(map[string]any)["openid"].([]any)
	send := func(id string) string {
		return fmt.Sprint(post(t, fmt.Sprintf("%s/cgi-bin/message/template/send?access_token=%s", base, tok),
			fmt.Sprintf(`{"touser":%q,"template_id":%q,"client_msg_id":%q,"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`, page[0], sim.TemplateID, id))["msgid"])
	}
	first := send("a")
	sim.MoveClock(9 * time.Minute)
	if again := send("a"); again != first || sim.State().Messages != 1 {
		t.Errorf("inside the window: %s after %s, %d messages", again, first, sim.State().Messages)
	}
	if other := send("b"); other == first || sim.State().Messages != 2 {
		t.Errorf("another id: %s after %s, %d messages", other, first, sim.State().Messages)
	}
	sim.MoveClock(2 * time.Minute)
	if late := send("a"); late == first || sim.State().Messages != 3 {
		t.Errorf("behind the window: %s after %s, %d messages", late, first, sim.State().Messages)
	}
}

func TestTheSameSeedIsTheSameWorld(t *testing.T) {
	csv := func(seed uint64) string {
		_, base := start(t, simulator.Options{Followers: 100, Seed: seed})
		resp, err := http.Get(base + simulator.ControlPath + "mini.csv")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b strings.Builder
		if _, err := fmt.Fprint(&b, resp.Status); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1<<16)
		for {
			n, err := resp.Body.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				return b.String()
			}
		}
	}
	one, same, other := csv(1), csv(1), csv(2)
	if one != same || one == other || strings.Count(one, "\n") < 40 {
		t.Errorf("%d lines; same %v, other %v", strings.Count(one, "\n"), one == same, one == other)
	}
}

func TestFaultsHappenAsOftenAsAskedAndDropAfterHasItsEffect(t *testing.T) {
	sim, base := start(t, simulator.Options{Followers: 400, Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	tok := token(t, sim, base, false)["access_token"]
	page := get(t, fmt.Sprintf("%s/cgi-bin/user/get?access_token=%s", base,
		tok))["data"].(map[string]any)["openid"].([]any)
	sim.SetKnobs(func(k *simulator.Knobs) { k.Busy, k.BadGateway, k.DropBefore, k.DropAfter = 0.1, 0.1, 0.1, 0.1 })
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for _, openid := range page {
		wg.Go(func() {
			resp, err := http.Post(fmt.Sprintf("%s/cgi-bin/message/template/send?access_token=%s", base, tok), "",
				strings.NewReader(
					fmt.Sprintf(`{"touser":%q,"template_id":%q,"data":{"thing1":{"value":"a"},"time2":{"value":"10:00"}}}`,
						openid, sim.TemplateID)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				seen["cut"]++
			case resp.StatusCode != 200:
				seen["502"]++
			default:
				seen["answer"]++
			}
			if resp != nil {
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if seen["cut"] < 40 || seen["cut"] > 130 || seen["502"] < 15 || seen["502"] > 80 {
		t.Errorf("%v of 400", seen)
	}
	if m := sim.State().Messages; m <= seen["answer"]-80 || m >= 400-60 {
		t.Errorf("%d messages shown, %v", m, seen)
	}
}

func TestKnobsAreTurnedLive(t *testing.T) {
	_, base := start(t, simulator.Options{Followers: 1})
	patch := func(body string) int {
		req, _ := http.NewRequest(http.MethodPatch, base+simulator.ControlPath+"knobs", strings.NewReader(body))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := patch(`{"latency": "20ms", "busy": 0.5}`); got != 200 {
		t.Errorf("status %d", got)
	}
	if got := patch(`{"latancy": "20ms"}`); got != 400 {
		t.Errorf("an unknown knob: status %d", got)
	}
	knobs := get(t, base+simulator.ControlPath+"knobs")
	if knobs["latency"] != "20ms" || fmt.Sprint(knobs["busy"]) != "0.5" || fmt.Sprint(knobs["page_size"]) != "10000" {
		t.Errorf("%v", knobs)
	}
}
