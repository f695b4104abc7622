package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestEveryoneGetsItOnce(t *testing.T) {
	each(t, 3000, 0.01, func(t *testing.T, b *bench) {
		job, err := b.run(t, t.Context(), "all")
		if err != nil || job.State != wxcast.BroadcastDone {
			t.Fatalf("%+v %v", job, err)
		}
		b.agrees(t, job.ID, 3000)
		if tally := b.tally(t, job.ID); tally.Failed == 0 || tally.ByErrCode[43004] != tally.Failed {
			t.Errorf("%+v", tally)
		}
		for m := range b.sim.Messages() {
			if m.ClientMsgID == "" || len(m.ClientMsgID) > 32 || !strings.HasPrefix(m.PagePath, "pages/a?u=oM") {
				t.Fatalf("%+v", m)
			}
		}
		again, err := b.run(t, t.Context(), "all")
		if err != nil || again.ID != job.ID || b.sim.State().Messages != int(b.tally(t, job.ID).Sent) {
			t.Errorf("run again: %+v %v", again, err)
		}
	})
}

func TestNobodyIsSkippedOrToldTwiceOnABadPlatform(t *testing.T) {
	each(t, 3000, 0, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			k.Busy, k.BadGateway, k.DropBefore, k.DropAfter = 0.02, 0.01, 0.01, 0.02
			k.KillTokenEvery = simulator.Duration(500 * time.Millisecond)
		})
		job, err := b.run(t, t.Context(), "bad-platform")
		if err != nil || job.State != wxcast.BroadcastDone {
			t.Fatalf("%+v %v", job, err)
		}
		b.agrees(t, job.ID, 3000)
		if tally := b.tally(t, job.ID); tally.Sent != 3000 {
			t.Errorf("%+v", tally)
		}
		if b.sim.State().Deduplicated == 0 {
			t.Error("no lost answer was repeated: the test shows nothing")
		}
	})
}

func TestSeveralWorkersShareOneBroadcast(t *testing.T) {
	each(t, 4000, 0, func(t *testing.T, b *bench) {
		job, by := b.find(t, "shared")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if after, err := broadcast.Run(t.Context(), b.db, job, by, b.options); err != nil ||
					after.State != wxcast.BroadcastDone {
					t.Errorf("%+v %v", after, err)
				}
			})
		}
		wg.Wait()
		b.agrees(t, job.ID, 4000)
		if state := b.sim.State(); state.Deduplicated != 0 {
			t.Errorf("%d deliveries were sent by two workers", state.Deduplicated)
		}
	})
}

func TestAnInterruptRecordsWhatWasSentAndTheNextRunGoesOn(t *testing.T) {
	each(t, 3000, 0, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Latency = simulator.Duration(20 * time.Millisecond) })
		for round := 0; ; round++ {
			ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
			started := time.Now()
			job, err := b.run(t, ctx, "stopped")
			cancel()
			if err == nil && job.State == wxcast.BroadcastDone {
				if round == 0 {
					t.Error("it was never stopped")
				}
				b.agrees(t, job.ID, 3000)
				if n := b.sim.State().Deduplicated; n != 0 {
					t.Errorf("%d sends were repeated though nothing was lost", n)
				}
				return
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(started) > 6*time.Second {
				t.Fatalf("round %d, after %v: %v", round, time.Since(started), err)
			}
			if tally := b.tally(t, job.ID); tally.Sent != int64(b.sim.State().Messages) {
				t.Errorf("round %d: %d recorded, %d sent", round, tally.Sent, b.sim.State().Messages)
			}
			if round > 60 { // on a machine with other work little is sent in one
				t.Fatal("it never ends")
			}
		}
	})
}

func TestTheRateIsKeptByAllWorkersTogether(t *testing.T) {
	each(t, 900, 0, func(t *testing.T, b *bench) {
		b.options.Rate = 300
		job, by := b.find(t, "paced")
		started := time.Now()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _, _ = broadcast.Run(t.Context(), b.db, job, by, b.options) })
		}
		wg.Wait()
		b.agrees(t, job.ID, 900)
		if took := time.Since(started); took < 2900*time.Millisecond {
			t.Errorf("900 messages at 300 a second took %v", took)
		}
		var times []time.Time
		for m := range b.sim.Messages() {
			times = append(times, m.At)
		}
		slices.SortFunc(times, time.Time.Compare)
		worst, from := 0, 0
		for to := range times {
			for times[to].Sub(times[from]) > time.Second {
				from++
			}
			worst = max(worst, to-from+1)
		}
		// A busy test machine stutters, so this is no measurement: it tells one rate
		// for all from a rate for each, which would be 900.
		t.Logf("at most %d in a second", worst)
		if worst > 450 {
			t.Errorf("%d messages in one second at a rate of 300", worst)
		}
	})
}

func TestTheQuotaIsNeverExceededAndTheNextDayGoesOn(t *testing.T) {
	each(t, 1000, 0, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.DailyLimits = map[string]int64{wechat.TemplateSendAPI: 500} })
		b.options.QuotaKeep = 100
		for day, want := range []struct {
			state wxcast.BroadcastState
			sent  int64
		}{{wxcast.BroadcastWaiting, 400}, {wxcast.BroadcastWaiting, 800}, {wxcast.BroadcastDone, 1000}} {
			job, err := b.run(t, t.Context(), "three-days")
			if err != nil || job.State != want.state {
				t.Fatalf("day %d: %+v %v", day, job, err)
			}
			if tally := b.tally(t, job.ID); tally.Sent != want.sent {
				t.Errorf("day %d: %+v", day, tally)
			}
			if job.State == wxcast.BroadcastWaiting &&
				(job.ResumeAt.Before(time.Now()) ||
					!strings.Contains(text.English.Say(job.Reason), "100 that are kept free")) {
				t.Errorf("day %d: until %v, %v", day, job.ResumeAt, job.Reason)
			}
			b.sim.MoveClock(24 * time.Hour)
		}
		if over := b.sim.State().Calls[wechat.TemplateSendAPI].OverQuota; over != 0 {
			t.Errorf("%d calls beyond the quota", over)
		}
	})
}

func TestAnUnforeseen45009StopsAtOnce(t *testing.T) {
	each(t, 1000, 0, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Early45009 = 100 })
		job, err := b.run(t, t.Context(), "early")
		if err != nil || job.State != wxcast.BroadcastWaiting ||
			!strings.Contains(text.English.Say(job.Reason), "45009") {
			t.Fatalf("%+v %v", job, err)
		}
		// Those in flight at the first refusal, and one that was being handed out.
		if over := b.sim.State().Calls[wechat.TemplateSendAPI].OverQuota; over > int64(b.options.Concurrency)+1 {
			t.Errorf("%d calls after the quota's end", over)
		}
		if tally := b.tally(t, job.ID); tally.Sent != 100 || tally.Pending != 900 || b.sim.State().Messages != 100 {
			t.Errorf("%+v", tally)
		}
		if wait := time.Until(job.ResumeAt); wait > 10*time.Minute || wait < time.Minute {
			t.Errorf("it goes on in %v, want some minutes: WeChat itself counts quota that is left", wait)
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.Early45009 = 0 })
		if job, err = b.run(t, t.Context(), "early"); err != nil || job.State != wxcast.BroadcastDone {
			t.Errorf("%+v %v, want it done: the refusal was an accident", job, err)
		}
		b.agrees(t, job.ID, 1000)
	})
}

// Another system has used up what WeChat counts: then the day is over.
func TestA45009WithNothingLeftWaitsForTheNextDay(t *testing.T) {
	inTime(t, 100, func(t *testing.T, b *bubble) {
		b.options.Rate = 50
		b.fails(func(call) error {
			if len(b.sent()) <= 50 {
				return nil
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.limit = 50 // by WeChat's count as well
			return refused(45009)
		})
		job := b.run(t, b.add(t, "spent"), wxcast.BroadcastWaiting)
		if at := job.ResumeAt.In(wxcast.Beijing); at.Format("01-02 15:04") != "01-02 00:05" {
			t.Errorf("it goes on at %v, want the next day, 00:05", at)
		}
		wakes := func(limit, want int64) {
			t.Helper()
			b.mu.Lock()
			b.limit = limit
			b.mu.Unlock()
			if _, err := b.ReadQuota(t.Context(), b.lane(), wxcast.DayOf(time.Now()), b.GetQuota); err != nil {
				t.Fatal(err)
			}
			if woken, err := b.WakeForQuota(t.Context(), b.account, b.lane()); err != nil || woken != want {
				t.Errorf("with a limit of %d, %d go on (%v), want %d", limit, woken, err, want)
			}
		}
		wakes(50, 0)
		wakes(1000, 1) // somebody cleared the quota, or bought more
		b.fails(nil)
		b.run(t, job, wxcast.BroadcastDone)
	})
}

func TestBrakes(t *testing.T) {
	for name, test := range map[string]struct {
		knob   func(*simulator.Knobs)
		reason string
		most   int64 // calls before it stopped
	}{
		"a configuration error stops at once": {func(k *simulator.Knobs) { k.RefuseSend = 40037 }, "40037", 32 + 1},
		"a text that everyone refuses": {func(k *simulator.Knobs) { k.RefuseSend = 47003 },
			"50 messages in a row were refused", 150},
		"a code that nobody knows": {func(k *simulator.Knobs) { k.RefuseSend = 99999 },
			"50 messages in a row were refused", 150},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, 1000, 0, func(t *testing.T, b *bench) {
				b.sim.SetKnobs(test.knob)
				job, err := b.run(t, t.Context(), "braked")
				if err != nil || job.State != wxcast.BroadcastPaused ||
					!strings.Contains(text.English.Say(job.Reason), test.reason) {
					t.Fatalf("%+v %v", job, err)
				}
				if calls := b.sim.State().Calls[wechat.TemplateSendAPI].Calls; calls > test.most {
					t.Errorf("it took %d calls to stop", calls)
				}
				b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 0 })
				if job, err = b.run(t, t.Context(), "braked"); err != nil || job.State != wxcast.BroadcastDone {
					t.Fatalf("mended: %+v %v", job, err)
				}
				b.agreesOnSent(t, job.ID)
			})
		})
	}
}

// agreesOnSent is agrees for broadcasts with failed deliveries.
func (b *bench) agreesOnSent(t *testing.T, id int64) {
	t.Helper()
	tally, state := b.tally(t, id), b.sim.State()
	if tally.Pending != 0 || int64(state.Messages) != tally.Sent || state.Duplicates != 0 {
		t.Errorf("%+v beside %+v", tally, state)
	}
}

// Counted in messages, not by the clock: a machine with much to do may pause late, but it
// must not send on.
func TestAPauseActsWithinASecond(t *testing.T) {
	each(t, 2000, 0, func(t *testing.T, b *bench) {
		b.options.Rate = 200
		job, by := b.find(t, "paused")
		paused := make(chan int, 1)
		go func() {
			for b.sim.State().Messages < 50 && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			_, err := b.db.MoveBroadcast(context.Background(), job.Ref(),
				wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastPaused,
					Reason: wxcast.Say("pause.by_hand")})
			if err != nil {
				t.Error(err)
			}
			paused <- b.sim.State().Messages
		}()
		after, err := broadcast.Run(t.Context(), b.db, job, by, b.options)
		if err != nil || after.State != wxcast.BroadcastPaused {
			t.Fatalf("%+v %v", after, err)
		}
		sent := b.sim.State().Messages
		if late := sent - <-paused; late > 250 {
			t.Errorf("%d messages after the pause", late)
		}
		if tally := b.tally(t, job.ID); tally.Sent != int64(sent) {
			t.Errorf("%+v, and WeChat has %d", tally, sent)
		}
	})
}

func TestANameStandsForOneUnfinishedContent(t *testing.T) {
	each(t, 1, 0, func(t *testing.T, b *bench) {
		b.find(t, "same")
		s, err := spec.Parse("other.yaml", fmt.Appendf(nil,
			"name: same\ntemplate: %s\ndata: {thing1: another, time2: \"10:00\"}\n", b.sim.TemplateID), template.Form{})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = broadcast.Find(t.Context(), b.db, s,
			broadcast.Begin{AccountID: b.account, MiniID: b.mini, Channels: b.channels(),
				State: wxcast.BroadcastRunning, Rate: b.options.Rate}, func() (wxcast.Audience, error) {
				return s.Resolve(t.Context(), b.db, b.account, b.mini, b.db.Now())
			})
		var bad *wxcast.BadInput
		if !errors.As(err, &bad) || bad.Line != 1 || bad.Key != "name" {
			t.Errorf("%v", err)
		}
	})
}

// A store that is gone when a process is stopped: that outcomes are lost is told, and not
// taken for a stop that left everything recorded.
func TestOutcomesThatCouldNotBeRecordedAreTold(t *testing.T) {
	each(t, 500, 0, func(t *testing.T, b *bench) {
		b.options.Rate = 200
		job, by := b.find(t, "gone")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for b.sim.State().Messages < 20 && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			_ = b.db.Close()
			cancel()
		}()
		after, err := broadcast.Run(ctx, b.db, job, by, b.options)
		if !errors.Is(err, broadcast.ErrNotRecorded) || after.ID != job.ID {
			t.Errorf("%+v %v", after, err)
		}
	})
}
