package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// States that the model must have been in: what is promised is hard to keep there.
const (
	modelTakenOver = "what a dead worker had is taken over"
	modelRepeated  = "a message that was lost is sent again, and WeChat takes it for the same"
	modelInDoubt   = "a worker dies between the note and the call, or right after the call"
	modelUnknown   = "an outcome is unknown"
	modelFell      = "the next channel takes over whom WeChat refused"
	modelLate      = "an outcome is recorded by a worker whose time for it is over"
	modelNotOurs   = "a message may not leave any more, since it is another worker's"
	modelBack      = "what was not tried is given back"
	modelStranded  = "all that is left waits for a channel that has stopped"
	modelGone      = "somebody has left when their turn comes"
)

var modelStates = []string{modelTakenOver, modelRepeated, modelInDoubt, modelUnknown, modelFell, modelLate,
	modelNotOurs, modelBack, modelStranded, modelGone}

// model is what a person may receive and what the books must say, whatever workers do in whatever
// order: some steps of a broadcast by two channels. WeChat is played by its rules.
type model struct {
	world
	t       *testing.T
	b       wxcast.Broadcast
	workers []*modelWorker
	named   int // workers so far
	reached map[string]int

	permits map[wxcast.Recipient]int       // at WeChat, by mini_openid
	drifted map[wxcast.Recipient]bool      // whose permits are fewer there than in our books
	shown   map[wxcast.Recipient]int       // messages that a person saw
	took    map[wxcast.Recipient]time.Time // when WeChat took the message by the channel that takes repeats
	calls   int                            // by that channel
}

// modelWorker is one process: what it has in hand is gone with it.
type modelWorker struct {
	name    string
	batches []*modelBatch
}

// modelBatch is one claim in a worker's hand.
type modelBatch struct {
	wxcast.Claim
	channel        wxcast.Channel
	taken, renewed time.Time
	lost           bool
	todo           []modelJob
	outcomes       []wxcast.Outcome
	back           wxcast.Claim // what is to be given back
	refusals       []wxcast.Refusal
}

type modelJob struct {
	wxcast.Delivery
	retry bool
}

const modelTTL = 8 * time.Second

// mine tells whether a delivery may still be sent by who holds the batch, as the engine does.
func (b *modelBatch) mine(retry bool, now time.Time) bool {
	if retry {
		return now.Sub(b.taken) < b.RetriesUntil.Sub(b.Slot.Now)-time.Second
	}
	return !b.lost && now.Sub(b.renewed) < modelTTL-time.Second
}

func newModel(t *testing.T, rt *rapid.T, db *store.DB, n int, reached map[string]int) *model {
	m := &model{t: t, reached: reached, permits: map[wxcast.Recipient]int{}, drifted: map[wxcast.Recipient]bool{},
		shown: map[wxcast.Recipient]int{}, took: map[wxcast.Recipient]time.Time{}}
	m.world = newWorldOf(t, db, wxcast.AppID(fmt.Sprint("wxaccount", n)),
		wxcast.AppID(fmt.Sprint("wxmini", n)))
	m.people(t)
	ours := map[wxcast.Recipient]int64{}
	for i := 1; i <= 6; i++ {
		id := wxcast.Recipient(fmt.Sprintf("m%06d", i))
		if given := rapid.IntRange(0, 2).Draw(rt, "permits"); given > 0 {
			ours[id], m.permits[id] = int64(given), given
			if rapid.IntRange(0, 4).Draw(rt, "drift") == 0 {
				m.permits[id], m.drifted[id] = 0, true
			}
		}
	}
	m.permit(t, ours)
	m.b = m.by(t, "model", consent, anyChannel)
	for range 3 {
		m.workers = append(m.workers, m.newWorker())
	}
	return m
}

func (m *model) newWorker() *modelWorker {
	m.named++
	return &modelWorker{name: fmt.Sprint("worker-", m.named)}
}

func (w *modelWorker) held() (held []int64) {
	for _, b := range w.batches {
		if b.LeaseID != 0 {
			held = append(held, b.LeaseID)
		}
	}
	return held
}

// actions are what may happen next; what is work happens more often.
func (m *model) actions() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"claim": func(t *rapid.T) {
			m.claimBy(t, m.someWorker(t), rapid.SampledFrom([]wxcast.Channel{consent, anyChannel}).Draw(t, "channel"),
				rapid.IntRange(1, 3).Draw(t, "most"))
		},
		"send": func(t *rapid.T) {
			w := m.someWorker(t)
			b := m.someBatch(t, w, func(b *modelBatch) bool { return len(b.todo) > 0 })
			if b == nil {
				return
			}
			fates := []string{"ok", "ok", "lost after", "lost before", "busy", "dies after", "dies before"}
			if !b.channel.NotesEach() { // it is tried again
				fates = append(fates, "lost after", "lost after", "lost before")
			}
			fate := rapid.SampledFrom(fates).Draw(t, "fate")
			// By the other channel WeChat takes what is sent again for the same, for as long as it can.
			stoodStill := b.channel.NotesEach() && rapid.Bool().Draw(t, "stood still")
			if m.send(t, b, fate, stoodStill) {
				m.die(w)
			}
		},
		"send more": func(t *rapid.T) {
			for _, b := range m.someWorker(t).batches {
				for len(b.todo) > 0 {
					m.send(t, b, "ok", false)
				}
			}
		},
		"put off": func(t *rapid.T) { // a stop: what is left goes back
			if b := m.someBatch(t, m.someWorker(t), func(b *modelBatch) bool { return len(b.todo) > 0 }); b != nil {
				for len(b.todo) > 0 {
					b.unsent(b.next())
				}
			}
		},
		"record": func(t *rapid.T) { m.record(t, m.someWorker(t)) },
		"die":    func(t *rapid.T) { m.die(m.someWorker(t)) },
		"later": func(t *rapid.T) {
			m.later(t, rapid.SampledFrom([]time.Duration{time.Second, 3 * time.Second, 9 * time.Second,
				35 * time.Second, 11 * time.Minute}).Draw(t, "by"),
				func() bool { return rapid.IntRange(0, 2).Draw(t, "asleep") == 0 })
		},
		"stop a channel": func(t *rapid.T) {
			if rapid.IntRange(0, 2).Draw(t, "really") > 0 {
				return
			}
			c := rapid.SampledFrom([]wxcast.Channel{consent, anyChannel}).Draw(t, "channel")
			m.ok(t, m.StopChannel(m.t.Context(), m.b.Ref(), c.Name, wxcast.Move{To: wxcast.BroadcastPaused,
				Reason: wxcast.Verbatim("banned")}))
		},
		"resume": m.resume,
		"leave": func(t *rapid.T) {
			if rapid.IntRange(0, 4).Draw(t, "really") > 0 {
				return
			}
			who := openid(rapid.IntRange(1, 3).Draw(t, "who"))
			_, err := m.Unfollow(m.t.Context(), m.account, []wxcast.OpenID{who}, m.Now())
			m.ok(t, err)
		},
		"": m.check,
	}
	for _, often := range []string{"claim", "send", "later", "record"} {
		all[often+" again"] = all[often]
	}
	all["claim for the third time"], all["send for the third time"] = all["claim"], all["send"]
	return all
}

func (m *model) ok(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) someWorker(t *rapid.T) *modelWorker {
	return m.workers[rapid.IntRange(0, len(m.workers)-1).Draw(t, "worker")]
}

func (m *model) someBatch(t *rapid.T, w *modelWorker, is func(*modelBatch) bool) *modelBatch {
	var some []*modelBatch
	for _, b := range w.batches {
		if is(b) {
			some = append(some, b)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, "batch")]
}

// die ends a process; another begins in its place.
func (m *model) die(w *modelWorker) {
	m.workers[slices.Index(m.workers, w)] = m.newWorker()
}

func (m *model) resume(t *rapid.T) {
	ctx := m.t.Context()
	now, err := m.Broadcast(ctx, m.b.Ref())
	m.ok(t, err)
	if now.State == wxcast.BroadcastPaused {
		_, err = m.MoveBroadcast(ctx, m.b.Ref(), wxcast.Move{From: now.State, To: wxcast.BroadcastRunning})
		m.ok(t, err)
	}
	m.ok(t, m.WakeChannels(ctx, m.b.Ref(), true))
}

// later lets time pass. Who is not asleep renews their leases, before anybody else does anything.
func (m *model) later(t *rapid.T, by time.Duration, asleep func() bool) {
	m.PretendLater(by)
	for _, w := range m.workers {
		held := w.held()
		if asleep() || len(held) == 0 {
			continue
		}
		at := m.Now()
		renewed, err := m.RenewLeases(m.t.Context(), m.account, w.name, held, modelTTL)
		m.ok(t, err)
		for _, b := range w.batches {
			switch {
			case slices.Contains(renewed, b.LeaseID):
				b.renewed = at
			case slices.Contains(held, b.LeaseID):
				b.lost = true
			}
		}
	}
}
