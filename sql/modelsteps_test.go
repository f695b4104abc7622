package store_test

import (
	"flag"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// claimBy lets a worker ask for work, and do what the answer asks for. It tells whether the broadcast
// is over.
func (m *model) claimBy(t *rapid.T, w *modelWorker, channel wxcast.Channel, most int) (over bool) {
	ctx, at := m.t.Context(), m.Now()
	c, err := m.Claim(ctx, wxcast.ClaimRequest{Broadcast: m.b.Ref(), Channel: channel, Lane: channel.Lane(m.b),
		Worker: w.name, Max: most, Held: w.held(), Span: time.Hour, Ahead: time.Hour, LeaseTTL: modelTTL})
	m.ok(t, err)
	if c.TakenOver > 0 {
		m.reached[modelTakenOver]++
	}
	m.reached[modelGone] += c.Skipped
	switch {
	case c.QuotaUnread:
		m.toldOf(m.t, channel.Lane(m.b), wxcast.Quota{Limit: 1000})
	case c.Stranded:
		m.reached[modelStranded]++
		m.ok(t, m.Strand(ctx, m.b.Ref()))
	case c.Exhausted:
		if tally := m.tally(m.t, m.b); tally.Pending > 0 {
			t.Fatalf("%d deliveries are pending and nobody's, and the broadcast is to end", tally.Pending)
		}
		return true
	}
	if len(c.Retries)+len(c.Fresh) == 0 {
		return false
	}
	b := &modelBatch{Claim: c, channel: channel, taken: at, renewed: at}
	b.back = wxcast.Claim{Day: c.Day, Lane: c.Lane, LeaseID: c.LeaseID, RetriesUntil: c.RetriesUntil}
	for _, d := range c.Retries {
		b.todo = append(b.todo, modelJob{d, true})
	}
	for _, d := range c.Fresh {
		b.todo = append(b.todo, modelJob{d, false})
	}
	w.batches = append(w.batches, b)
	return false
}

func (b *modelBatch) next() modelJob {
	j := b.todo[0]
	b.todo = b.todo[1:]
	return j
}

// unsent gives a job back, which the worker has not noted.
func (b *modelBatch) unsent(j modelJob) {
	if b.channel.NotesEach() {
		b.back.NotNoted = append(b.back.NotNoted, j.Key())
	}
	if j.retry {
		b.back.Retries = append(b.back.Retries, j.Delivery)
	} else {
		b.back.Fresh = append(b.back.Fresh, j.Delivery)
	}
}

// send makes one attempt as the engine does, with what may become of it; dies tells that the worker is
// gone. One whose clock stood still with it takes for its own what is another's.
func (m *model) send(t *rapid.T, b *modelBatch, fate string, stoodStill bool) (dies bool) {
	j, now := b.next(), m.Now()
	d, by := j.Delivery, b.channel
	o := wxcast.Outcome{Recipient: d.Recipient, ID: by.ID(&d), OpenSince: d.OpenSince, AttemptedAt: now}
	if !d.OpenSince.IsZero() && (by.NotesEach() || now.Sub(d.OpenSince) > by.DedupWindow-30*time.Second) {
		o.State, o.ErrCode, o.AttemptedAt = wxcast.DeliveryUnknown, wxcast.ErrCodeTransport, time.Time{}
		b.outcomes = append(b.outcomes, o)
		m.reached[modelUnknown]++
		return false
	}
	if !b.mine(j.retry, now) && !stoodStill {
		m.reached[modelNotOurs]++
		b.unsent(j)
		return false
	}
	if by.NotesEach() {
		noted, err := m.HandOver(m.t.Context(), m.b.Ref(), by, []wxcast.DeliveryKey{d.Key()})
		if m.ok(t, err); len(noted) == 0 {
			b.unsent(j)
			return false
		}
	}
	code := 0
	if fate != "lost before" && fate != "dies before" && fate != "busy" {
		code = m.wechatTakes(by, d, o.ID, now)
	}
	switch fate {
	case "dies before", "dies after":
		m.reached[modelInDoubt]++
		return true
	case "lost before", "lost after":
		if o.OpenSince.IsZero() {
			o.OpenSince = now
		}
		o.State, o.ErrCode, o.NextAttemptAt = wxcast.DeliveryPending, wxcast.ErrCodeTransport, now.Add(2*time.Second)
		if by.NotesEach() {
			o.State, o.NextAttemptAt = wxcast.DeliveryUnknown, time.Time{}
			m.reached[modelUnknown]++
		}
	case "busy":
		o.State, o.ErrCode, o.NextAttemptAt = wxcast.DeliveryPending, -1, now.Add(2*time.Second)
		if by.NotesEach() && d.Attempts > 0 {
			o.State, o.OpenSince, o.NextAttemptAt = wxcast.DeliveryUnknown, now, time.Time{}
		}
	default:
		o.State, o.MsgID, o.OpenSince = wxcast.DeliverySent, 1<<53+1, time.Time{}
		if code != 0 { // there is no consent
			o.State, o.MsgID, o.ErrCode, o.FallsTo = wxcast.DeliveryPending, 0, code, anyChannel.Name
			if d.OpenID == "" {
				o.State, o.FallsTo = wxcast.DeliveryFailed, ""
			}
			b.refusals = append(b.refusals, wxcast.Refusal{ID: o.ID, RightAt: d.RightAt, At: now})
			m.reached[modelFell]++
		}
	}
	if o.Hold = (wxcast.Hold{LeaseID: b.LeaseID}); j.retry {
		o.Hold = wxcast.Hold{Until: b.RetriesUntil}
	}
	b.outcomes = append(b.outcomes, o)
	return false
}

// wechatTakes is what WeChat says to a message, and shows it to the person.
func (m *model) wechatTakes(by wxcast.Channel, d wxcast.Delivery, id wxcast.Recipient, now time.Time) (code int) {
	if by.Name == consent.Name {
		if m.permits[id] == 0 {
			return consent.NoPermit[0]
		}
		m.permits[id]--
		m.shown[d.Recipient]++
		return 0
	}
	m.calls++
	if at, took := m.took[d.Recipient]; took && now.Sub(at) < by.DedupWindow {
		m.reached[modelRepeated]++
		return 0
	}
	m.took[d.Recipient] = now
	m.shown[d.Recipient]++
	return 0
}

// record writes what a worker knows, as the engine does: first what goes back.
func (m *model) record(t *rapid.T, w *modelWorker) {
	ctx := m.t.Context()
	for _, b := range slices.Clone(w.batches) {
		done := len(b.todo) == 0
		if len(b.back.Retries)+len(b.back.Fresh) > 0 {
			m.reached[modelBack]++
			m.ok(t, m.GiveBack(ctx, m.b, b.back))
			b.back.Retries, b.back.Fresh, b.back.NotNoted = nil, nil, nil
		}
		for _, o := range b.outcomes {
			if !b.mine(!o.Hold.Until.IsZero(), m.Now()) {
				m.reached[modelLate]++
			}
		}
		r := wxcast.Recording{Broadcast: m.b.Ref(), Worker: w.name, Channel: b.channel, Lane: b.channel.Lane(m.b),
			Outcomes: b.outcomes}
		if done && b.LeaseID != 0 {
			r.DoneLeases = []int64{b.LeaseID}
		}
		_, err := m.RecordOutcomes(ctx, r)
		m.ok(t, err)
		if len(b.refusals) > 0 {
			m.ok(t, m.SettleRefusals(ctx, m.b.Ref(), b.channel, b.refusals, true))
		}
		if b.outcomes, b.refusals = nil, nil; done {
			w.batches = slices.DeleteFunc(w.batches, func(x *modelBatch) bool { return x == b })
		}
	}
}

// check holds the promises against what was done so far, each named as docs/promises.md has it.
func (m *model) check(t *rapid.T) {
	for who, n := range m.shown {
		if n > 1 {
			t.Fatalf("no one twice: %s saw %d messages", who, n)
		}
	}
	holders := map[wxcast.Recipient]string{}
	for _, w := range m.workers {
		for _, b := range w.batches {
			for _, j := range b.todo {
				// What is in doubt by a channel that notes each message is only ended, not sent.
				if !b.mine(j.retry, m.Now()) || b.channel.NotesEach() && !j.OpenSince.IsZero() {
					continue
				}
				if other := holders[j.Recipient]; other != "" {
					t.Fatalf("what a living process has is its own: %s is in the hands of %s and of %s", j.Recipient,
						other, w.name)
				}
				holders[j.Recipient] = w.name
			}
		}
	}
	all, err := m.Deliveries(m.t.Context(), m.b, wxcast.DeliveryKey{}, 100)
	m.ok(t, err)
	for _, d := range all {
		n := m.shown[d.Recipient]
		switch {
		case d.State == wxcast.DeliverySent && n != 1, d.State == wxcast.DeliveryFailed && n != 0,
			d.State == wxcast.DeliverySkipped && n != 0:
			t.Fatalf("our books are the ledger: %s is %s by %s (%d), and saw %d messages", d.Recipient, d.State,
				d.Channel, d.ErrCode, n)
		}
	}
}

// end lets all be well, and wants the broadcast to end.
func (m *model) end(t *rapid.T) {
	for range 60 {
		m.resume(t)
		for _, w := range m.workers {
			for _, c := range []wxcast.Channel{consent, anyChannel} {
				if m.claimBy(t, w, c, 3) {
					m.check(t)
					m.books(t)
					return
				}
			}
			for _, b := range w.batches {
				for len(b.todo) > 0 {
					m.send(t, b, "ok", false)
				}
			}
			m.record(t, w)
			m.check(t)
		}
		m.later(t, 5*time.Second, func() bool { return false })
	}
	t.Fatalf("all ends: after five minutes in which all was well: %+v", m.tally(m.t, m.b))
}

// books holds what is left of consents and quota against WeChat's when all is over.
func (m *model) books(t *rapid.T) {
	all, err := m.Deliveries(m.t.Context(), m.b, wxcast.DeliveryKey{}, 100)
	m.ok(t, err)
	doubted := map[wxcast.Recipient]bool{}
	for _, d := range all {
		if d.State == wxcast.DeliveryUnknown {
			doubted[wxcast.Recipient(d.MiniOpenID)] = true
		}
	}
	left := m.left(m.t)
	for id, n := range m.permits {
		if ours := int(left[id]); ours != n && !m.drifted[id] && !(doubted[id] && ours == n-1) {
			t.Fatalf("a consent is used once: %s allows %d messages at WeChat, %d in our books", id, n, ours)
		}
	}
}

// Whatever two or three workers do in whatever order, and whatever becomes of them, the store keeps
// what is promised. A failure comes with the shortest story that breaks it. The stories are the same
// each time, but for those of make model.
func TestTheStoreIsAsTheModel(t *testing.T) {
	must(t, flag.Set("rapid.steps", "60"))
	if seed := flag.Lookup("rapid.seed"); seed.Value.String() == "0" { // see make model
		must(t, seed.Value.Set("1"))
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		reached, n := map[string]int{}, 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			m := newModel(t, rt, db, n, reached)
			rt.Repeat(m.actions())
			m.end(rt)
		})
		for _, state := range modelStates {
			if reached[state] == 0 {
				t.Errorf("never reached: %s. What is promised there was not tried", state)
			}
		}
		t.Log(reached)
	})
}
