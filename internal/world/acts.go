package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	templatePart  = `{template: %s, data: {thing1: 上新, time2: "2026-11-30 10:00"}, miniprogram: {pagepath: %s}}`
	subscribePart = `{template: %s, page: %s, data: {thing1: 上新, time2: "2026-11-30 10:00"}}`
)

// do does one act.
func (w *world) do(ctx context.Context, a Act) error {
	w.note("%s", a)
	switch a.Do {
	case aBroadcast, aCanary, aChannels:
		return w.broadcast(ctx, a)
	case aMessage, aMessageBy:
		return w.message(ctx, a)
	case aConsent, aLeaving, aReturn:
		w.people(a)
	case aVisit:
		w.visits(ctx, a)
	case aKill:
		w.armed(a, func(p *process) {
			switch a.Kind {
			case committed:
				w.reached(killedInCommit)
			case answered:
				w.reached(killedAfter)
			}
			p.kill()
			w.again(a.Who, a.For)
		})
	case aPause:
		w.armed(a, func(p *process) { p.pause(a.For) })
	case aStop:
		w.armed(a, func(p *process) {
			p.stop()
			w.restarts.Go(func() {
				<-p.ended
				w.replace(a.Who, p)
				time.Sleep(a.For)
				w.begin(a.Who)
			})
		})
	case aLostAnswer:
		w.armed(Act{Do: a.Do, Who: a.Who}, func(p *process) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.losing += a.N
		})
	case aStoreAway:
		w.reached(string(a.Do))
		w.storeAway.Store(true)
		time.AfterFunc(a.For, func() { w.storeAway.Store(false) })
	case anOutage:
		w.reached(string(a.Do))
		w.wechatAway.Store(true)
		time.AfterFunc(a.For, func() { w.wechatAway.Store(false) })
	case clocks:
		w.sim.MoveClock(time.Duration(a.N) * time.Second)
		time.AfterFunc(a.For, func() { w.sim.MoveClock(-time.Duration(a.N) * time.Second) })
	default:
		w.platform(a)
	}
	return nil
}

// armed sets a trap in a process.
func (w *world) armed(a Act, then func(*process)) {
	w.mu.Lock()
	p := w.running[a.Who]
	w.mu.Unlock()
	if p == nil || p.isDead() {
		return
	}
	p.arm(uint64(a.N), a.Kind, func() {
		w.note("  %s, process %d", a.Do, a.Who+1)
		w.reached(string(a.Do))
		then(p)
	})
}

// replace forgets a process that has ended, so that another can begin in its place.
func (w *world) replace(i int, p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running[i] == p {
		w.running[i] = nil
	}
}

// platform turns a knob of WeChat's for a while.
func (w *world) platform(a Act) {
	w.sim.SetKnobs(func(k *simulator.Knobs) {
		switch a.Do {
		case lostAnswers:
			k.DropAfter = 0.1
		case lostCalls:
			k.DropBefore = 0.1
		case busy:
			k.Busy = 0.2
		case tooFast:
			k.MaxRate = 5
		case badGateway:
			k.BadGateway = 0.2
		case slow:
			k.Latency = simulator.Duration(700 * time.Millisecond)
		case tokenDies:
			k.KillTokenEvery = simulator.Duration(time.Second)
		case banned:
			k.RefuseAPI = map[string]int{wechat.TemplateSendAPI: 43116}
			if a.N == 1 {
				k.RefuseAPI = map[string]int{wechat.SubscribeSendAPI: 43107}
			}
		}
	})
	w.reached(string(a.Do))
	time.AfterFunc(a.For, func() { w.sim.SetKnobs(func(k *simulator.Knobs) { *k = w.healthy }) })
}

// people lets a person, or some, do something that WeChat tells of.
func (w *world) people(a Act) {
	openid, _ := w.sim.FollowerIDs(a.N % w.plan.Followers)
	switch a.Do {
	case aConsent:
		for i := range a.N {
			w.sim.GivePermits(w.sim.MiniOpenIDOf((a.N*7+i*3)%w.plan.Followers), w.sim.TemplateID, 1+i%2)
		}
	case aLeaving:
		w.sim.Leave(openid)
	case aReturn:
		w.sim.Return(openid)
	}
}

// broadcast makes one. The operator's own store is not disturbed, but WeChat may be.
func (w *world) broadcast(ctx context.Context, a Act) error {
	name := fmt.Sprintf("b%d", len(w.wishes)+1)
	page := "pages/" + name
	text := fmt.Sprintf("name: %s\nrate: %d\n", name, a.N)
	template, subscribe := fmt.Sprintf(templatePart, w.sim.TemplateID, page),
		fmt.Sprintf(subscribePart, w.sim.TemplateID, page)
	switch a.Do {
	case aChannels:
		text += "channels:\n  - subscribe: " + subscribe + "\n  - template: " + template + "\n"
	case aCanary:
		text += "channels:\n  - template: " + template + "\ncanary: {share: 10%, wait: 1m, max_failed: 30%}\n"
	default:
		text += "channels:\n  - template: " + template + "\n"
	}
	holdout := a.Do == aBroadcast && a.N%4 == 0 // one in four
	if holdout {
		text += "holdout: 50%\n"
	}
	if a.N%3 == 0 {
		text += "track: yes\n"
	}
	file := filepath.Join(w.dir, name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	spec, err := account.ReadSpec(account.SpecFile{Path: file})
	if err != nil {
		return err
	}
	made, err := insist(ctx, func() (int64, error) {
		b, err := w.operator.CreateBroadcast(ctx, spec, account.Begin{}, account.Asker{Say: func(wxcast.Sentence) {}})
		return b.ID, err
	})
	if err != nil {
		return err
	}
	w.wishes = append(w.wishes, wish{page: page, broadcast: made, holdout: holdout})
	return nil
}

// message asks for a single message, with a key: a caller who is not answered asks again.
func (w *world) message(ctx context.Context, a Act) error {
	page := fmt.Sprintf("pages/m%d", len(w.wishes)+1)
	data := map[string]any{"thing1": "上新", "time2": "2026-11-30 10:00"}
	inline := map[string]any{"name": "order", "template": w.sim.TemplateID, "data": data,
		"miniprogram": map[string]any{"pagepath": page}}
	if a.Do == aMessageBy {
		inline = map[string]any{"name": "both", "channels": []any{
			map[string]any{"subscribe": map[string]any{"template": w.sim.TemplateID, "page": page, "data": data}},
			map[string]any{"template": map[string]any{"template": w.sim.TemplateID, "data": data,
				"miniprogram": map[string]any{"pagepath": page}}},
		}}
	}
	openid, _ := w.sim.FollowerIDs(a.N)
	asked, err := insist(ctx, func() (account.MessageAnswer, error) {
		return w.operator.SendMessage(ctx, account.MessageRequest{Inline: inline, To: openid, Key: page})
	})
	var refused wxcast.Said
	if errors.As(err, &refused) { // the person is not there any more
		return nil
	}
	if err != nil {
		return err
	}
	w.wishes = append(w.wishes, wish{page: page, message: asked.ID})
	return nil
}

// insist asks again for a minute where WeChat or the store did not answer.
func insist[T any](ctx context.Context, ask func() (T, error)) (out T, err error) {
	for range 30 {
		if out, err = ask(); err == nil {
			return out, nil
		}
		var said wxcast.Said
		if errors.As(err, &said) {
			return out, err
		}
		wait(ctx, 2*time.Second)
	}
	return out, err
}

func (w *world) importMiniUsers(ctx context.Context, in io.Reader) error {
	columns := bridge.Columns{UnionID: "unionid", OpenID: "openid"}
	_, err := w.operator.ImportFile(ctx, in, columns, account.ImportOptions{Source: "mini.csv"})
	return err
}

// note writes down what happens, where that is wanted.
func (w *world) note(format string, args ...any) {
	if trace != nil {
		fmt.Fprintf(trace, "%s %s\n", time.Now().Format("02 15:04:05.000000"), fmt.Sprintf(format, args...))
	}
}

// stillFor is how long nothing may come of what is at work: then it waits for another day.
const stillFor = 3 * time.Minute

// quiet tells whether nothing is left to do today.
func (w *world) quiet(ctx context.Context) (bool, error) {
	all, err := w.operator.Broadcasts(ctx)
	if err != nil {
		return false, err
	}
	ended := int64(0)
	for _, b := range all {
		ended += b.Recipients - b.Pending
	}
	if ended != w.ended {
		w.ended, w.moved = ended, time.Now()
	}
	if time.Since(w.moved) > stillFor {
		for _, b := range all {
			if b.Pending > 0 && b.State == wxcast.BroadcastRunning && w.anyoneSince(w.moved) {
				w.broke("all ends", "broadcast %s is at work, and nothing of it ends for %v: %d are pending", b.Name,
					stillFor, b.Pending)
			}
		}
		return true, nil
	}
	for _, b := range all {
		if b.Pending > 0 && b.State == wxcast.BroadcastRunning || b.State == wxcast.BroadcastScheduled {
			return false, nil
		}
		if b.State == wxcast.BroadcastRunning && w.isAsked(b.ID) {
			return false, nil
		}
	}
	return true, nil
}

// anyoneSince tells whether a process has been at work since then, and stood still for no time.
func (w *world) anyoneSince(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.running[:], func(p *process) bool {
		return p != nil && !p.isDead() && p.began.Before(t) && !p.stoodStillAfter(t)
	})
}

func (w *world) isAsked(broadcast int64) bool {
	return slices.ContainsFunc(w.wishes, func(o wish) bool { return o.broadcast == broadcast })
}

// synced tells whether the night's sync is done.
func (w *world) synced(due time.Time) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		all, err := w.operator.Jobs(ctx)
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(all.Runs, func(r wxcast.JobRun) bool {
			return r.Job == "sync" && !r.DueAt.Before(due.Add(-time.Minute)) && r.Outcome == wxcast.JobDone
		}), nil
	}
}
