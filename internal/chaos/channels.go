package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// What a spec says by each channel; %s is the template.
const (
	bySubscribe = `  - subscribe: {template: %s, page: pages/chaos, data: {thing1: 上新, time2: "2026-11-30 10:00"}}` + "\n"
	byTemplate  = `  - template: {template: %s, data: {thing1: 上新, time2: "2026-11-30 10:00"}, miniprogram: {pagepath: pages/chaos}}` + "\n"
	byCard      = `  - service: {title: 上新, pagepath: pages/chaos, image: card.png}` + "\n"
)

// lostMax is the share of people whose answer may be lost: WeChat's answers are lost, broken or
// replaced by another's for up to four seconds of a round.
const lostMax = 0.1

// channels: half of the people allow a subscribe message, the others get a template message,
// whatever is killed and lost.
func (r *round) channels(ctx context.Context) error {
	workers, database, err := 3, "", error(nil)
	if r.rnd.IntN(3) == 0 {
		workers, database = 1, "sqlite://"+filepath.Join(r.dir, "wxcast.db")
	} else if database, err = r.database(ctx); err != nil {
		return err
	}
	recipients := 2500 + r.rnd.IntN(1000)
	if err := r.prepare(ctx, database, recipients, simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond),
		RefusedAreFree: false}); err != nil {
		return err
	}
	strangers, err := r.consents(ctx, recipients)
	if err != nil {
		return err
	}
	r.sent, r.rate = recipients+strangers, 500
	if err := os.WriteFile(filepath.Join(r.dir, "spec.yaml"), fmt.Appendf(nil, "name: chaos\nrate: %d\nchannels:\n"+
		bySubscribe+byTemplate, r.rate, r.sim.TemplateID, r.sim.TemplateID), 0o600); err != nil {
		return err
	}
	faults := append(times(6, r.kill), times(4, r.misbehave)...)
	faults = append(faults, r.interrupt)
	if workers > 1 {
		faults = append(faults, r.restartPostgres, r.cutConnections)
	}
	if err := r.broadcast(ctx, workers, faults); err != nil {
		return err
	}
	return r.checkChannels(ctx)
}

// consents lets half of the mini users allow one or two messages, at WeChat and in our ledger,
// and returns how many of those are none of the followers.
func (r *round) consents(ctx context.Context, followers int) (strangers int, err error) {
	var ledger bytes.Buffer
	out := csv.NewWriter(&ledger)
	_ = out.Write([]string{"mini_openid", "template_id", "count"})
	i := 0
	for m := range r.sim.MiniUsers() {
		if i++; i%2 == 0 {
			n := 1 + i/2%2
			if i > followers { // they come last
				strangers++
			}
			r.sim.GivePermits(m.OpenID, r.sim.TemplateID, n)
			_ = out.Write([]string{m.OpenID, r.sim.TemplateID, strconv.Itoa(n)})
		}
	}
	out.Flush()
	if err := os.WriteFile(filepath.Join(r.dir, "ledger.csv"), ledger.Bytes(), 0o600); err != nil {
		return 0, err
	}
	_, err = r.do(ctx, []int{0}, "permits", "import", "ledger.csv")
	return strangers, err
}

// allowed is our ledger of consents.
func (r *round) allowed(ctx context.Context) (map[string]int, error) {
	c, err := r.do(ctx, []int{0}, "permits", "export")
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(c.only.String())).ReadAll()
	if err != nil {
		return nil, err
	}
	left := map[string]int{}
	for _, row := range rows[1:] {
		if left[row[0]], err = strconv.Atoi(row[2]); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// checkChannels holds our books against the platform's ledger: nobody has two messages, by
// whatever channel, and each consent was used once.
func (r *round) checkChannels(ctx context.Context) error {
	c, err := r.do(ctx, []int{0}, "broadcast", "export", "1", "--format", "jsonl")
	if err != nil {
		return err
	}
	ours, err := decodeLines[struct {
		OpenID, State, Channel string
		MiniOpenID             string `json:"mini_openid"`
	}](c.only.String())
	if err != nil {
		return err
	}
	left, err := r.allowed(ctx)
	if err != nil {
		return err
	}
	state := r.sim.State()
	r.messages += state.Messages
	r.check("no one twice", state.MostPerson <= 1, "%d messages to one person, %v", state.MostPerson, state.ByChannel)
	unknown, missing, used := 0, 0, 0
	wrong := []string{}
	for _, d := range ours {
		got := r.sim.MessagesOf(cmp.Or(d.OpenID, d.MiniOpenID))
		switch {
		case d.State == "unknown":
			unknown++
		case d.State != "sent" || got[d.Channel] != 1:
			missing++
			wrong = append(wrong, fmt.Sprintf("%s is %s by %s, in truth %v", d.OpenID, d.State, d.Channel, got))
		}
		at := r.sim.PermitsOf(d.MiniOpenID, r.sim.TemplateID)
		if lost := at - left[d.MiniOpenID]; lost != 0 && (d.State != "unknown" || lost != 1) {
			used++
			wrong = append(wrong, fmt.Sprintf("%s (%s by %s): %d left in our ledger, %d at WeChat", d.OpenID, d.State,
				d.Channel, left[d.MiniOpenID], at))
		}
	}
	say := strings.Join(wrong[:min(4, len(wrong))], "; ")
	r.check("our books are the ledger", missing == 0 && len(ours) == r.sent, "%d deliveries of %d, %d wrong: %s",
		len(ours), r.sent, missing, say)
	r.check("a consent is used once", used == 0, "%d people: %s", used, say)
	refused := state.Calls[wechat.SubscribeSendAPI].Refused
	r.check("nobody is asked who allows nothing", refused[43101] == 0 && refused[43108] == 0, "%v", refused)
	r.check("what is unknown was lost", float64(unknown) <= lostMax*float64(r.sent), "%d of %d are unknown", unknown,
		r.sent)
	return r.checkConnections(ctx)
}

// cards: people write to the account, and get five cards at the most until they write again.
func (r *round) cards(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	const recipients, wrote, cards = 600, 400, 5
	if err := r.prepare(ctx, database, recipients,
		simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond)}); err != nil {
		return err
	}
	server, base, err := r.replica()
	if err != nil {
		return err
	}
	r.sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.CallbackMode = base+"/wechat/default", "plain" })
	for n := range wrote {
		openid, _ := r.sim.FollowerIDs(n)
		r.sim.Say(openid, "hello")
	}
	if err := r.picture(); err != nil {
		return err
	}
	r.rate, r.sent = 400, wrote
	name := func(i int) string { return fmt.Sprintf("card-%d.yaml", i) }
	for i := range cards + 1 {
		if err := os.WriteFile(filepath.Join(r.dir, name(i)),
			fmt.Appendf(nil, "name: card-%d\nrate: %d\nchannels:\n"+byCard, i, r.rate), 0o600); err != nil {
			return err
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		preview, err := r.ask(ctx, "broadcast", "preview", name(0))
		if err != nil {
			return err
		}
		if preview["recipients"] == float64(wrote) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%v of %d windows are known", preview["recipients"], wrote)
		}
	}
	r.end(server)
	sent, unknown := 0.0, 0.0
	for i := range cards + 1 {
		running := make([]*command, 2)
		for n := range running {
			if running[n], err = r.start("broadcast", "run", name(i), "--json"); err != nil {
				return err
			}
		}
		time.Sleep(time.Duration(300+r.rnd.IntN(700)) * time.Millisecond)
		if err := r.kill(ctx, running); err != nil {
			return err
		}
		if err := awaitAll(ctx, running); err != nil {
			return err
		}
		c, err := r.do(ctx, []int{0, 2}, "broadcast", "run", name(i), "--json")
		if err != nil {
			return err
		}
		if i == cards {
			r.check("nobody gets a card outside their window", c.ProcessState.ExitCode() == 2,
				"the sixth went to somebody: %s", tail(c.out.String()))
			break
		}
		var counts struct{ Sent, Unknown float64 }
		if err := json.Unmarshal([]byte(c.only.String()), &counts); err != nil {
			return err
		}
		sent, unknown = sent+counts.Sent, unknown+counts.Unknown
	}
	state := r.sim.State()
	r.messages += state.Messages
	refused := state.Calls[wechat.CustomSendAPI].Refused
	r.check("nobody gets a card outside their window", refused[45015] == 0 && refused[45047] == 0 &&
		state.MostPerson <= cards, "%v, %d to one person", refused, state.MostPerson)
	got := float64(state.ByChannel["service"])
	r.check("our books are the ledger", got >= sent && got <= sent+unknown && sent+unknown == wrote*cards,
		"%v cards sent and %v unknown, %v in truth, want %d", sent, unknown, got, wrote*cards)
	return r.checkConnections(ctx)
}

// picture writes a card's.
func (r *round) picture() error {
	var raw bytes.Buffer
	if err := png.Encode(&raw, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "card.png"), raw.Bytes(), 0o600)
}

// consented: WeChat tells what people allow, and what became of their messages, to a server
// that is killed in between.
func (r *round) consented(ctx context.Context) error {
	database, err := r.database(ctx)
	if err != nil {
		return err
	}
	const followers = 1000
	if err := r.prepare(ctx, database, followers, simulator.Knobs{Latency: simulator.Duration(2 * time.Millisecond),
		ReceiptDelay: simulator.Duration(300 * time.Millisecond)}); err != nil {
		return err
	}
	r.env["WXCAST_MINI_TOKEN"] = r.sim.MiniToken
	server, base, err := r.replica()
	if err != nil {
		return err
	}
	hear := func(base string) {
		r.sim.SetKnobs(func(k *simulator.Knobs) {
			k.CallbackMode, k.CallbackURL = "plain", base+"/wechat/default"
			k.MiniCallbackURL = k.CallbackURL + "/" + r.sim.MiniAppID
		})
	}
	hear(base)
	people := 0
	for m := range r.sim.MiniUsers() {
		if people++; people%2 == 0 {
			r.sim.GivePermits(m.OpenID, r.sim.TemplateID, 1)
		}
	}
	people /= 2
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		left, err := r.allowed(ctx)
		if err != nil {
			return err
		}
		if len(left) == people {
			break
		}
		if time.Now().After(deadline) {
			r.check("every consent is recorded", false, "%d of %d", len(left), people)
			return nil
		}
	}
	r.check("every consent is recorded", true, "")
	r.sent, r.rate = people, 400
	if err := os.WriteFile(filepath.Join(r.dir, "spec.yaml"), fmt.Appendf(nil, "name: chaos\nrate: %d\nchannels:\n"+
		bySubscribe, r.rate, r.sim.TemplateID), 0o600); err != nil {
		return err
	}
	if _, err := r.do(ctx, []int{0}, "broadcast", "create", "spec.yaml"); err != nil {
		return err
	}
	if _, err := r.do(ctx, []int{0}, "broadcast", "start", "1"); err != nil {
		return err
	}
	for deadline := time.Now().Add(20 * time.Second); r.calls() < int64(people)/3 &&
		time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	r.fault("kill -9 of a replica of serve")
	_ = server.Process.Kill()
	<-server.ended
	if server, base, err = r.replica(); err != nil {
		return err
	}
	hear(base)
	if err := r.awaitReceipts(ctx); err != nil {
		return err
	}
	r.end(server)
	return r.checkChannels(ctx)
}

// receiptsLost is the share of messages whose receipt came to a server that was dead, and that
// WeChat told no more.
const receiptsLost = 0.1

// awaitReceipts waits until the round's broadcast is done and its receipts are there.
func (r *round) awaitReceipts(ctx context.Context) error {
	id, err := r.broadcastID(ctx)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		status, err := r.ask(ctx, "broadcast", "status", id)
		if err != nil {
			return err
		}
		sent, _ := status["sent"].(float64)
		heard, _ := status["delivered"].(float64)
		enough := heard >= sent*(1-receiptsLost)
		if over := time.Now().After(deadline); status["state"] == "done" && enough || over {
			r.check("every receipt is recorded", enough, "%v", status)
			return nil
		}
	}
}
