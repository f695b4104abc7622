package cli_test

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// consents lets every second mini user allow 1 to 3 messages, at WeChat and in a ledger to be
// imported, and returns how many people that are.
func (b *bench) consents(t *testing.T) (people int) {
	t.Helper()
	var ledger strings.Builder
	ledger.WriteString("mini_openid,template_id,count\n")
	i := 0
	for m := range b.sim.MiniUsers() {
		if i++; i%2 == 0 {
			n := 1 + i%3
			b.sim.GivePermits(m.OpenID, b.sim.TemplateID, n)
			fmt.Fprintf(&ledger, "%s,%s,%d\n", m.OpenID, b.sim.TemplateID, n)
			people++
		}
	}
	b.write(t, "ledger.csv", ledger.String())
	if o := b.run(t, "permits", "import", b.file("ledger.csv")); o.code != 0 {
		t.Fatalf("%+v", o)
	}
	return people
}

// channelsSpec is a spec by these channels.
func (b *bench) channelsSpec(t *testing.T, name string, channels ...string) string {
	t.Helper()
	f, err := os.Create(b.file("card.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	data := `data: {thing1: "上新提醒", time2: "2026-11-30 10:00"}`
	spec := "name: " + name + "\nrate: 2000\nchannels:\n"
	for _, c := range channels {
		spec += "  - " + c + ": " + map[string]string{
			"subscribe": "{template: " + b.sim.TemplateID + ", page: \"pages/a?u={{ .mini_openid }}\", " + data + "}",
			"template":  "{template: " + b.sim.TemplateID + ", " + data + ", miniprogram: {pagepath: pages/a}}",
			"service":   "{title: \"订单已发货\", pagepath: pages/a, image: card.png}",
		}[c] + "\n"
	}
	return b.write(t, name+".yaml", spec)
}

// Everybody gets one message, by the first channel that reaches them; our ledger of consents is
// then WeChat's.
func TestOneMessageByWhicheverChannelReachesThePerson(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 600, Seed: 91})
		b.prepare(t)
		people := b.consents(t)
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		account, err := db.EnsureApp(t.Context(), wxcast.AppID(b.sim.AppID), wxcast.KindOfficialAccount)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 { // who wrote
			openid, _ := b.sim.FollowerIDs(i)
			b.sim.Say(openid, "hello")
			now := time.Now()
			if err := db.OpenWindows(t.Context(), account, []wxcast.Window{{OpenID: wxcast.OpenID(openid),
				Kind: wxcast.WindowMessage, At: now, Until: now.Add(48 * time.Hour), Messages: 5}}); err != nil {
				t.Fatal(err)
			}
		}
		spec := b.channelsSpec(t, "all", "service", "subscribe", "template")
		preview := b.run(t, "broadcast", "preview", spec, "--json").json(t)
		cards := number(t, preview, "by_channel.service.reached")
		if cards < 15 || number(t, preview, "by_channel.subscribe.reached") < int64(people)/2 {
			t.Errorf("%v", preview)
		}
		sent := b.run(t, "broadcast", "run", spec, "--json").json(t)
		state := b.sim.State()
		if sent["state"] != "done" || number(t, sent, "sent") != int64(state.Messages) || state.MostPerson != 1 ||
			number(t, sent, "unknown") != 0 || number(t, sent, "pending") != 0 {
			t.Errorf("%v\n%+v", sent, state)
		}
		for _, channel := range []string{"service", "subscribe", "template"} {
			if got, want := number(t, sent, "by_channel."+channel+".sent"), int64(state.ByChannel[channel]); got != want ||
				want == 0 {
				t.Errorf("%s: %d sent, WeChat counts %d", channel, got, want)
			}
		}
		if number(t, sent, "recipients") != number(t, preview, "recipients") ||
			number(t, sent, "by_channel.service.fell_through") == 0 ||
			number(t, sent, "by_channel.subscribe.why.no permit") == 0 {
			t.Errorf("%v\n%v", preview, sent)
		}
		mini, err := db.EnsureApp(t.Context(), wxcast.AppID(b.sim.MiniAppID), wxcast.KindMiniProgram)
		if err != nil {
			t.Fatal(err)
		}
		left, err := db.PermitBalances(t.Context(), account, mini, wxcast.PermitBalance{}, 10000)
		if err != nil {
			t.Fatal(err)
		}
		ours := map[string]int{}
		for _, p := range left {
			ours[string(p.Recipient)] = int(p.Messages)
		}
		for m := range b.sim.MiniUsers() {
			if got, want := ours[m.OpenID], b.sim.PermitsOf(m.OpenID, b.sim.TemplateID); got != want {
				t.Fatalf("%s: %d left in our ledger, %d at WeChat", m.OpenID, got, want)
			}
		}
		status := b.run(t, "broadcast", "status", "1")
		if !strings.Contains(status.out, "fell through to the next") {
			t.Errorf("%s", status.out)
		}
	})
}

// ledgerIs wants our ledger of consents to be WeChat's.
func (b *bench) ledgerIs(t *testing.T) {
	t.Helper()
	o := b.run(t, "permits", "export")
	if o.code != 0 {
		t.Fatalf("%+v", o)
	}
	ours := map[string]string{}
	for line := range strings.Lines(o.out) {
		if row := strings.Split(strings.TrimSpace(line), ","); len(row) == 3 {
			ours[row[0]] = row[2]
		}
	}
	for m := range b.sim.MiniUsers() {
		want := ""
		if n := b.sim.PermitsOf(m.OpenID, b.sim.TemplateID); n > 0 {
			want = fmt.Sprint(n)
		}
		if ours[m.OpenID] != want {
			t.Fatalf("%s: %q left in our ledger, %q at WeChat", m.OpenID, ours[m.OpenID], want)
		}
	}
}

// WeChat refuses most for want of a consent that they gave: the channel pauses, and nobody's
// consents are taken for used up. Afterwards it goes on.
func TestAStormOfRefusalsTakesNothingFromAnybody(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 1500, Seed: 92})
		b.prepare(t)
		people := b.consents(t)
		spec := b.channelsSpec(t, "storm", "subscribe")
		for m := range b.sim.MiniUsers() { // a test takes one of a person's, here and there
			if b.sim.PermitsOf(m.OpenID, b.sim.TemplateID) == 3 {
				tested := b.run(t, "broadcast", "test", spec, "--to", m.OpenID, "--json")
				if tested.code != 0 || b.sim.PermitsOf(m.OpenID, b.sim.TemplateID) != 2 {
					t.Errorf("%+v", tested)
				}
				break
			}
		}
		b.ledgerIs(t)
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefusePermits = 0.7 })
		o := b.run(t, "broadcast", "run", spec, "--json")
		if o.code != 4 || !strings.Contains(o.err, "Nobody's consents were taken for used up") {
			t.Fatalf("%d, want it paused: %s", o.code, o.err)
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefusePermits = 0 })
		sent := b.run(t, "broadcast", "run", spec, "--json").json(t)
		state := b.sim.State()
		if sent["state"] != "done" || number(t, sent, "sent")+1 != int64(state.ByChannel["subscribe"]) ||
			number(t, sent, "sent")+number(t, sent, "by_errcode.43101") != int64(people) || state.MostPerson > 2 {
			t.Errorf("%v\n%+v, want %d people", sent, state, people)
		}
		b.ledgerIs(t)
	})
}

// A template that is banned stops its channel alone; a lost answer is unknown, and falls through
// to nobody.
func TestAChannelStopsAlone(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 400, Seed: 93})
		b.prepare(t)
		people := b.consents(t)
		spec := b.channelsSpec(t, "alone", "subscribe", "template")
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			k.RefuseAPI = map[string]int{"/cgi-bin/message/template/send": 43116}
			k.DropAfter, k.FaultsOnly = 0.05, []string{"/cgi-bin/message/subscribe/send"}
		})
		o := b.run(t, "broadcast", "run", spec, "--json")
		if o.code != 4 || !strings.Contains(o.err, "this template is banned") {
			t.Fatalf("%d, want it paused when the others are done: %s", o.code, o.err)
		}
		status := b.run(t, "broadcast", "status", "1", "--json").json(t)
		unknown := number(t, status, "by_channel.subscribe.unknown")
		if got := number(t, status, "by_channel.subscribe.sent") + unknown; got != int64(people) || unknown == 0 ||
			number(t, status, "by_channel.template.sent") != 0 || number(t, status, "pending") == 0 {
			t.Errorf("%v, want all %d by subscribe", status, people)
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseAPI, k.DropAfter = nil, 0 })
		sent := b.run(t, "broadcast", "run", spec, "--json").json(t)
		if state := b.sim.State(); sent["state"] != "done" || number(t, sent, "by_channel.template.sent") == 0 ||
			state.MostPerson != 1 || int64(state.Messages) != number(t, sent, "sent")+number(t, sent, "unknown") {
			t.Errorf("%v\n%+v", sent, state)
		}
		b.ledgerIs(t)
	})
}

// A consent to a long-term template allows as many messages as there are.
func TestALongTermConsentIsNotUsedUp(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 40, Seed: 94,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		b.sim.TemplateID = simulator.LongTermTemplateID
		people := b.consents(t)
		for _, name := range []string{"one", "two", "three", "four"} {
			sent := b.run(t, "broadcast", "run", b.channelsSpec(t, name, "subscribe"), "--json").json(t)
			if number(t, sent, "sent") != int64(people) {
				t.Errorf("%s: %v, want %d each time", name, sent, people)
			}
		}
		if o := b.run(t, "permits", "status"); !strings.Contains(o.out, "long-term") {
			t.Errorf("%+v", o)
		}
	})
}
