package cli

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// demoTold is what the demo tells of a broadcast as it goes in life.
type demoTold struct {
	KilledAt  int       `json:"killed_at"`           // messages that had left when the sender was killed
	Twice     int       `json:"twice"`               // people who got it twice, by WeChat's own books
	WaitedFor time.Time `json:"waited_for,omitzero"` // when the next day's quota came
	// Next is the broadcast that waited for it.
	Next report.Broadcast `json:"next"`
	Came int64            `json:"came"` // followers who had come, and gone, by the next night
	Left int64            `json:"left"`
}

// demoWeek sends to all who are bridged as it goes in life: a sender is killed and another one goes
// on; the day's quota ends and the next day brings the rest. It needs a store whose clock is this
// process's: days pass in it.
type demoWeek struct {
	*app
	of     *account.Account
	sim    *simulator.Server
	cfg    *config.Config
	at     simAnnouncement
	rate   float64
	joined int64
	step   func(code string, pairs ...any)

	told  demoTold
	ahead time.Duration // of the clocks
	own   bool          // of was opened here
}

// demoSlow is how many messages a second the process sends that is killed.
const demoSlow = 300

const templateSend = "/cgi-bin/message/template/send"

// later lets time go by, in the store and at WeChat, and opens the account anew, as another
// process does: to this one the clock has jumped.
func (w *demoWeek) later(ctx context.Context, d time.Duration) (err error) {
	w.ahead += d
	store.MoveClock(w.ahead)
	w.sim.MoveClock(d)
	if w.own {
		w.of.CloseAll()
	}
	w.of, err = account.Open(ctx, w.cfg, w.cfg.Accounts[0], w.logger(w.cfg))
	w.own = err == nil
	return err
}

func (w *demoWeek) run(ctx context.Context) (result report.Broadcast, err error) {
	if result, err = w.killed(ctx); err != nil {
		return result, err
	}
	if err := w.short(ctx); err != nil {
		return result, err
	}
	return result, w.night(ctx)
}

// killed sends a broadcast whose sender dies in the middle, and lets another one go on.
func (w *demoWeek) killed(ctx context.Context) (result report.Broadcast, err error) {
	path, clean, err := demoFile(demoSpecOf("demo-", "上新提醒", w.at))
	if err != nil {
		return result, err
	}
	defer clean()
	before := w.sim.Received("template")
	slow := min(w.rate, demoSlow)
	w.step("demo.killed", "rate", slow)
	if err := w.kill(ctx, path, slow); err != nil {
		return result, err
	}
	if err := w.later(ctx, 15*time.Second); err != nil { // as long as a worker is waited for that has died
		return result, err
	}
	w.step("demo.goes_on", "n", w.told.KilledAt)
	sent, err := w.send(ctx, path)
	if err == nil {
		err = stopped(sent.Broadcast)
	}
	if err != nil {
		return sent.Summary, err
	}
	for person, n := range w.sim.Received("template") {
		if n > before[person]+1 {
			w.told.Twice++
		}
	}
	if !w.json {
		w.line(w.Out, "demo.twice", "n", w.told.Twice)
	}
	return sent.Summary, nil
}

// short sends a broadcast for which the day's quota is not enough.
func (w *demoWeek) short(ctx context.Context) error {
	path, clean, err := demoFile(demoSpecOf("demo-evening-", "今晚八点", w.at))
	if err != nil {
		return err
	}
	defer clean()
	used := w.sim.CallsTo(templateSend)
	w.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits[templateSend] = used + w.joined/2 + 1 })
	w.step("demo.short")
	sent, err := w.send(ctx, path)
	if err == nil && sent.State == wxcast.BroadcastWaiting {
		w.told.WaitedFor = sent.ResumeAt
		w.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits[templateSend] = max(100_000, w.joined) })
		if err := w.later(ctx, sent.ResumeAt.Sub(w.of.Now())+time.Minute); err != nil {
			return err
		}
		w.step("demo.next_day", "at", w.of.Now())
		sent, err = w.send(ctx, path)
	}
	if err == nil {
		w.told.Next = sent.Summary
		err = stopped(sent.Broadcast)
	}
	return err
}

// send runs a spec's broadcast, or goes on with it, and shows what it came to.
func (w *demoWeek) send(ctx context.Context, path string) (account.Sent, error) {
	spec, err := account.ReadSpec(account.SpecFile{Path: path, Overrides: account.Overrides{Rate: w.rate}})
	if err != nil {
		return account.Sent{}, err
	}
	who := account.Asker{Say: func(wxcast.Sentence) {}} // the demo says what it does by itself
	sent, err := w.of.RunBroadcast(ctx, spec, w.sending(who, false))
	if err == nil && !w.json {
		w.writeBroadcast(w.Out, sent.Summary)
	}
	return sent, err
}

// over ends the week: the clock is the machine's again.
func (w *demoWeek) over() {
	if store.MoveClock(0); w.own {
		w.of.CloseAll()
	}
}

// kill sends by a process of its own, and kills it when a third has left.
func (w *demoWeek) kill(ctx context.Context, path string, rate float64) error {
	begun := w.sim.State().Messages
	child := w.process("broadcast", "run", path, "--yes", "--rate", strconv.FormatFloat(rate, 'f', -1, 64))
	if err := child.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-ended: // there are too few for it to be in the middle
			ended <- nil
			over = true
		case <-tick.C:
			over = int64(w.sim.State().Messages-begun) > w.joined/3
		}
	}
	_ = child.Process.Kill() // it may have ended by itself
	<-ended
	w.told.KilledAt = w.sim.State().Messages - begun
	return ctx.Err()
}

// process is this program on the demo's account.
func (w *demoWeek) process(args ...string) *exec.Cmd {
	child := w.Process(args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "WXCAST_") || strings.HasPrefix(v, "WXCAST_TEST_") {
			child.Env = append(child.Env, v)
		}
	}
	for name, value := range map[string]string{"DATABASE_URL": w.cfg.DatabaseURL, "API_BASE": w.at.Base,
		"APPID": w.at.AppID, "SECRET": w.at.Secret, "MINI_APPID": w.at.MiniAppID, "MINI_SECRET": w.at.MiniSecret,
		"LOG_LEVEL": "error"} {
		child.Env = append(child.Env, "WXCAST_"+name+"="+value)
	}
	return child
}

// night is the next nightly sync, when some have come and others have left.
func (w *demoWeek) night(ctx context.Context) error {
	w.sim.AddFollowers(int(w.joined/50) + 1)
	w.sim.RemoveFollowers(int(w.joined / 100))
	if err := w.later(ctx, 24*time.Hour); err != nil {
		return err
	}
	w.step("demo.next_night", "at", w.of.Now())
	s, err := w.runSync(ctx, w.of, wxcast.SyncIncremental, false)
	if err != nil {
		return err
	}
	w.told.Came, w.told.Left = s.New, s.Unfollowed
	if !w.json {
		w.writeSync(w.Out, s)
	}
	return nil
}
