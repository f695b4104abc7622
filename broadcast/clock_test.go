package broadcast_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// The rate holds in every second, for one process and for four together.
func TestTheRateHoldsInEverySecond(t *testing.T) {
	for processes, rate := range map[int]float64{1: 20, 4: 40} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			inTime(t, 1200, func(t *testing.T, b *bubble) {
				b.options.Rate = rate
				job := b.add(t, "paced")
				var all sync.WaitGroup
				for range processes {
					all.Go(func() { b.run(t, job, wxcast.BroadcastDone) })
				}
				all.Wait()
				if tally := b.count(t, job); tally.Sent != 1200 || len(b.sent()) != 1200 {
					t.Fatalf("%+v with %d calls, want 1,200 sent with one call each", tally, len(b.sent()))
				}
				seconds := perSecond(b.sent())
				for i, n := range seconds[:len(seconds)-1] {
					if d := float64(n) - rate; d > 1 || d < -1 {
						t.Errorf("second %d: %d messages, want %v", i, n, rate)
					}
				}
			})
		})
	}
}

// A new rate holds from the next claim on, up and down.
func TestANewRateHoldsAtOnce(t *testing.T) {
	inTime(t, 1000, func(t *testing.T, b *bubble) {
		b.options.Rate = 5
		job := b.add(t, "steered")
		steer := func(after time.Duration, rate float64) {
			time.AfterFunc(after, func() {
				if err := b.SetRate(context.WithoutCancel(t.Context()), job.Ref(), rate, 0); err != nil {
					t.Error(err)
				}
			})
		}
		steer(10*time.Second, 60)
		steer(20*time.Second, 10)
		b.run(t, job, wxcast.BroadcastDone)
		n := perSecond(b.sent())
		for _, want := range []struct{ from, to, rate int }{{0, 9, 5}, {12, 19, 60}, {22, 40, 10}} {
			for i := want.from; i < want.to; i++ {
				if d := n[i] - want.rate; d > 1 || d < -1 {
					t.Errorf("second %d: %d messages, want %d (all: %v)", i, n[i], want.rate, n[:45])
				}
			}
		}
	})
}

// A slow broadcast ends with its last message, and not when the next could have left.
func TestASlowBroadcastEndsWithItsLastMessage(t *testing.T) {
	inTime(t, 3, func(t *testing.T, b *bubble) {
		b.options.Rate = 0.02
		begun := time.Now()
		b.run(t, b.add(t, "slow"), wxcast.BroadcastDone)
		if took := time.Since(begun); len(b.sent()) != 3 || took > 103*time.Second {
			t.Errorf("%d messages in %v, want 3 in two waits of 50 seconds", len(b.sent()), took)
		}
	})
}

// A fast one that begins beside it in the same process does not wait for the slow one's time.
func TestAFastBroadcastBeginsAtOnceBesideASlowOne(t *testing.T) {
	inTime(t, 40, func(t *testing.T, b *bubble) {
		crew := broadcast.NewCrew(b.DB, b.account, 8, b.options.Log)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var all sync.WaitGroup
		defer all.Wait()
		start := func(ctx context.Context, name string, rate float64) <-chan wxcast.BroadcastState {
			b.options.Rate = rate
			job, o, ended := b.add(t, name), b.options, make(chan wxcast.BroadcastState, 1)
			all.Go(func() {
				after, _ := crew.Run(ctx, job, []broadcast.With{{Channel: b, Platform: b}}, o)
				ended <- after.State
			})
			return ended
		}
		start(ctx, "slow", 0.01)
		time.Sleep(20 * time.Second)
		before, begun := len(b.sent()), time.Now()
		if state := <-start(ctx, "fast", 10); state != wxcast.BroadcastDone {
			t.Errorf("the fast one is %s", state)
		}
		calls := b.sent()
		if wait := calls[before].at.Sub(begun); before != 1 || wait > 1500*time.Millisecond {
			t.Errorf(
				"%d messages of the slow one; the fast one's first left after %v, want it within a second or so",
				before,
				wait,
			)
		}
		stop()
	})
}

// Who is held out could have been reached: it says nothing against the others.
func TestACanaryIsNotJudgedByWhoIsHeldOut(t *testing.T) {
	inTime(t, 400, func(t *testing.T, b *bubble) {
		b.options.Canary = spec.Canary{Share: 0.1, Wait: 10 * time.Minute, MaxFailed: 0.05}
		b.holdout = 0.7
		job := b.add(t, "canary")
		b.run(t, job, wxcast.BroadcastDone)
		n := b.count(t, job)
		if held := n.ByErrCode[wxcast.ErrCodeHeldOut]; held < 230 || n.Sent+held != 400 {
			t.Errorf("%+v", n)
		}
	})
}

// A canary waits for its receipts and refusals; then the others follow, or nobody does.
func TestACanaryWaitsAndJudges(t *testing.T) {
	for name, test := range map[string]struct {
		code  int              // what some of the people get
		of    wxcast.Recipient // of the last digits of theirs
		state wxcast.BroadcastState
		sent  int
	}{
		"all is well":      {0, "", wxcast.BroadcastDone, 400},
		"too many refused": {43004, "05", wxcast.BroadcastPaused, 0},
		"all are held":     {40252, "0123456789", wxcast.BroadcastPaused, 0},
		"most are skipped": {wxcast.ErrCodeBadValue, "01234567", wxcast.BroadcastPaused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 400, func(t *testing.T, b *bubble) {
				b.options.Canary = spec.Canary{Share: 0.1, Wait: 10 * time.Minute, MaxFailed: 0.05}
				b.options.MaxFailedShare = 1
				if test.code != 0 {
					b.fails(func(c call) error {
						switch {
						case !strings.Contains(string(test.of), string(c.to[len(c.to)-1:])):
							return nil
						case test.code == wxcast.ErrCodeBadValue:
							return &spec.ValueError{Key: "data.thing1", Problem: wxcast.Verbatim("it is empty")}
						}
						return refused(test.code)
					})
				}
				job := b.add(t, "canary")
				b.run(t, job, test.state)
				calls := b.sent()
				first := 0
				for i := 1; i < len(calls); i++ {
					if gap := calls[i].at.Sub(calls[i-1].at); gap > time.Minute {
						first = i
						if gap < 10*time.Minute || gap > 10*time.Minute+5*time.Second {
							t.Errorf("the others came %v after the canary, want 10 minutes", gap)
						}
					}
				}
				if test.sent > 0 && (len(calls) != test.sent || first < 20 || first > 60) {
					t.Errorf("%d calls, %d of them the canary's; want 400 and about 40", len(calls), first)
				}
				if test.sent == 0 && len(calls) > 60 {
					t.Errorf("%d calls; want the canary's only, about 40", len(calls))
				}
			})
		})
	}
}

// A quota that is spent is waited for, day by day, and never exceeded.
func TestAQuotaLastsForDays(t *testing.T) {
	inTime(t, 250, func(t *testing.T, b *bubble) {
		b.limit, b.options.Rate = 100, 50
		job, began := b.add(t, "days"), time.Now()
		for job.State != wxcast.BroadcastDone {
			if len(b.sent()) == 250 || time.Since(began) > 72*time.Hour {
				t.Fatalf("after %v it is %s with %d calls", time.Since(began), job.State, len(b.sent()))
			}
			time.Sleep(time.Until(job.ResumeAt))
			after, err := broadcast.Run(t.Context(), b.DB, job, []broadcast.With{{Channel: b, Platform: b}}, b.options)
			if err != nil {
				t.Fatal(err)
			}
			job = after
		}
		used := map[wxcast.Day]int{}
		for _, c := range b.sent() {
			used[wxcast.DayOf(c.at)]++
		}
		if len(used) != 3 || used["2000-01-01"] != 100 || used["2000-01-02"] != 100 || used["2000-01-03"] != 50 {
			t.Errorf("%v, want 100, 100 and 50", used)
		}
	})
}

// What was claimed on one day does not leave on the next, on the quota of the first: a low
// rate or a slow platform may put midnight in between.
func TestEachMessageLeavesOnTheDayOfItsQuota(t *testing.T) {
	inTime(t, 12, func(t *testing.T, b *bubble) {
		time.Sleep(16*time.Hour - 13*time.Second) // 23:59:47
		b.options.Rate = 0.4
		b.run(t, b.add(t, "midnight"), wxcast.BroadcastDone)
		left := map[wxcast.Day]int64{}
		for _, c := range b.sent() {
			left[wxcast.DayOf(c.at)]++
		}
		for _, day := range []wxcast.Day{"2000-01-01", "2000-01-02"} {
			days, err := b.QuotaDays(t.Context(), b.account, day)
			if err != nil || len(days) != 1 {
				t.Fatal(days, err)
			}
			if left[day] < 3 || days[0].Used != left[day] {
				t.Errorf("%s: %d calls are booked, and %d were made: the day's quota is exceeded by the others", day,
					days[0].Used, left[day])
			}
		}
	})
}

// What a dead process held is taken over once its lease is over, not before, with doubt.
func TestADeadProcesssWorkIsTakenOverAfterItsLease(t *testing.T) {
	inTime(t, 40, func(t *testing.T, b *bubble) {
		job := b.add(t, "dead")
		for fixed := false; !fixed; {
			var err error
			if _, fixed, err = b.FixRecipients(t.Context(), job.Ref(), 100); err != nil {
				t.Fatal(err)
			}
		}
		told := func(context.Context, string) (wxcast.Quota, error) { return wxcast.Quota{Limit: 1e6}, nil }
		if _, err := b.ReadQuota(t.Context(), b.lane(), wxcast.DayOf(b.Now()), told); err != nil {
			t.Fatal(err)
		}
		died := time.Now()
		c, err := b.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: job.Ref(), Channel: template.Facts, Lane: b.lane(),
			Worker: "dead", Max: 10, Span: time.Hour, LeaseTTL: 8 * time.Second})
		if err != nil || len(c.Fresh) != 10 {
			t.Fatal(len(c.Fresh), err)
		}
		held := map[wxcast.Recipient]bool{}
		for _, d := range c.Fresh {
			held[d.Recipient] = true
		}
		b.run(t, job, wxcast.BroadcastDone)
		taken := 0
		for _, call := range b.sent() {
			if after := call.at.Sub(died); held[call.to] {
				if taken++; after < 8*time.Second || after > 12*time.Second {
					t.Errorf("%s was taken over after %v, want 8 seconds and a little", call.to, after)
				}
			}
		}
		if tally := b.count(t, job); taken != 10 || tally.Sent != 40 {
			t.Errorf("%d taken over, %+v; want 10 and 40 sent", taken, tally)
		}
	})
}

// A lost answer is asked for again with the same id while WeChat remembers it, and not after.
func TestALostAnswerIsRepeatedInsideTheWindowOnly(t *testing.T) {
	inTime(t, 700, func(t *testing.T, b *bubble) {
		b.fails(func(c call) error {
			if c.to == "o000001" || c.to == "o000002" && c.attempt < 4 {
				return lost()
			}
			return nil
		})
		b.options.Rate = 1 // the others take longer than the window: WeChat is there all the time
		job := b.add(t, "lost")
		b.run(t, job, wxcast.BroadcastDone)
		if tally := b.count(t, job); tally.Sent != 699 || tally.Unknown != 1 {
			t.Errorf("%+v, want 699 sent, and the one whose answers were all lost unknown", tally)
		}
		attempts, first := map[wxcast.Recipient]int{}, map[wxcast.Recipient]time.Time{}
		for _, c := range b.sent() {
			if attempts[c.to]++; attempts[c.to] == 1 {
				first[c.to] = c.at
			}
			if after := c.at.Sub(first[c.to]); after > template.Facts.DedupWindow {
				t.Errorf("%s was tried %v after its first attempt: WeChat would take it for another message", c.to,
					after)
			}
		}
		if attempts["o000000"] != 1 || attempts["o000002"] != 4 || attempts["o000001"] < 5 {
			t.Errorf("%v attempts, want 1, 5 or more, and 4", attempts)
		}
	})
}

// While WeChat does not answer, single messages ask whether it is back; nobody is lost, and
// after two minutes a person is told.
func TestSilenceIsProbedAndTold(t *testing.T) {
	for name, test := range map[string]struct {
		silence time.Duration
		state   wxcast.BroadcastState
	}{"a minute": {time.Minute, wxcast.BroadcastDone}, "five minutes": {5 * time.Minute, wxcast.BroadcastPaused}} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 2000, func(t *testing.T, b *bubble) {
				b.options.Rate = 100
				began := time.Now()
				b.fails(func(c call) error {
					if since := c.at.Sub(began); since > 2*time.Second && since < 2*time.Second+test.silence {
						return refused(-1)
					}
					return nil
				})
				job := b.add(t, "silent")
				after := b.run(t, job, test.state)
				asked := 0
				for _, c := range b.sent() {
					if since := c.at.Sub(began); since > 20*time.Second && since < 50*time.Second {
						asked++
					}
				}
				if asked < 5 || asked > 60 {
					t.Errorf("%d calls in 30 seconds of silence; want one a second or so", asked)
				}
				if tally := b.count(t, job); test.state == wxcast.BroadcastDone && tally.Sent != 2000 ||
					tally.Recipients != 2000 {
					t.Errorf("%+v", tally)
				}
				if took := time.Since(began); test.state == wxcast.BroadcastPaused &&
					(took < 2*time.Minute || took > 3*time.Minute) {
					t.Errorf("a person is told after %v (%v), want two minutes", took, after.Reason)
				}
			})
		})
	}
}

// WeChat asks for less: half the pace at once, and a quarter more every five quiet seconds.
func TestThePaceHalvesAndComesBack(t *testing.T) {
	for name, code := range map[string]int{"45011": 45011, "a burst of -1": -1} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 3000, func(t *testing.T, b *bubble) {
				b.options.Rate, b.options.Concurrency = 100, 32
				began := time.Now()
				b.fails(func(c call) error {
					if since := c.at.Sub(began); since > 5*time.Second && since < 5*time.Second+100*time.Millisecond {
						return refused(code)
					}
					return nil
				})
				job := b.add(t, "asked for less")
				b.run(t, job, wxcast.BroadcastDone)
				n := perSecond(b.sent())
				for _, want := range []struct{ second, low, high int }{
					{3, 99, 101}, {7, 45, 56}, {9, 45, 56}, {13, 55, 70}, {25, 96, 101},
				} {
					if n[want.second] < want.low || n[want.second] > want.high {
						t.Errorf("second %d: %d messages, want %d to %d (all: %v)", want.second, n[want.second],
							want.low, want.high, n)
					}
				}
				if tally := b.count(t, job); tally.Sent != 3000 {
					t.Errorf("%+v, want 3,000 sent: who was refused is tried again", tally)
				}
			})
		})
	}
}
