package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// consent is a channel whose messages take permits, and notes each before it leaves.
var consent = wxcast.Channel{Name: "consent", API: "/cgi-bin/consent/send", App: wxcast.KindMiniProgram,
	Right: wxcast.RightPermit, NoPermit: []int{43101}, Serial: true}

// card is one whose messages take windows.
var card = wxcast.Channel{Name: "card", API: "/cgi-bin/card/send", App: wxcast.KindOfficialAccount,
	Right: wxcast.RightWindow, WindowOver: []int{45015}}

// people makes followers 1 to 3, and mini users 1 to 6 of whom the first three are they.
func (w world) people(t *testing.T) {
	t.Helper()
	w.follow(t, 3)
	_, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 6), wxcast.ImportMode{})
	must(t, err)
	_, _, err = w.Join(t.Context(), w.account, w.mini)
	must(t, err)
}

func (w world) permit(t *testing.T, of map[wxcast.Recipient]int64) {
	t.Helper()
	var all []wxcast.PermitBalance
	for id, n := range of {
		all = append(all, wxcast.PermitBalance{TemplateID: "T", Recipient: id, Messages: n})
	}
	_, _, err := w.SetPermits(t.Context(), w.account, w.mini, all)
	must(t, err)
}

// left are the messages that people allow.
func (w world) left(t *testing.T) map[wxcast.Recipient]int64 {
	t.Helper()
	all, err := w.PermitBalances(t.Context(), w.account, w.mini, wxcast.PermitBalance{}, 100)
	must(t, err)
	left := map[wxcast.Recipient]int64{}
	for _, b := range all {
		left[b.Recipient] = b.Messages
	}
	return left
}

// by makes a running broadcast by some channels to all whom one of them reaches.
func (w world) by(t *testing.T, name string, channels ...wxcast.Channel) wxcast.Broadcast {
	t.Helper()
	joined := true
	to := wxcast.Audience{MiniID: w.mini, Bridged: &joined}
	b := wxcast.Broadcast{AccountID: w.account, MiniID: w.mini}
	var ways []wxcast.BroadcastChannel
	for _, c := range channels {
		template := "T"
		if c.Right == wxcast.RightWindow {
			template = ""
		}
		ways = append(ways, wxcast.BroadcastChannel{Name: c.Name, Lane: c.Lane(b), TemplateID: template})
		to.Reach = append(to.Reach, wxcast.Reach{Channel: c.Name, Right: c.Right, AppID: c.Lane(b).AppID,
			OfMini: c.App == wxcast.KindMiniProgram, TemplateID: template})
		to.MiniUsers = to.MiniUsers || c.App == wxcast.KindMiniProgram
	}
	b = w.add(t, name, to, ways...)
	w.fix(t, b)
	for _, c := range channels {
		w.toldOf(t, c.Lane(b), wxcast.Quota{Limit: 1000})
	}
	return b
}

func (w world) take(t *testing.T, b wxcast.Broadcast, c wxcast.Channel, worker string, ttl time.Duration) wxcast.Claim {
	t.Helper()
	got, err := w.Claim(t.Context(), wxcast.ClaimRequest{Broadcast: b.Ref(), Channel: c, Lane: c.Lane(b), Worker: worker,
		Max: 100, Span: time.Hour, Ahead: time.Hour, LeaseTTL: ttl})
	must(t, err)
	return got
}

func ids(deliveries []wxcast.Delivery) (all []wxcast.Recipient) {
	for _, d := range deliveries {
		all = append(all, d.Recipient)
	}
	slices.Sort(all)
	return all
}

func (w world) ends(t *testing.T, b wxcast.Broadcast, c wxcast.Channel, lease int64, outcomes ...wxcast.Outcome) {
	t.Helper()
	must(t, w.recordAll(t.Context(), wxcast.Recording{Broadcast: b.Ref(), Worker: "w", Channel: c, Lane: c.Lane(b),
		Outcomes: outcomes, DoneLeases: []int64{lease}}))
}

// Who allows a message gets it by that channel, whoever else can be reached by the next one;
// nobody is among the recipients whom none reaches.
func TestAPermitIsTakenWithTheClaim(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 2, "m000002": 1, "m000005": 1})
		b := w.by(t, "both", consent, anyChannel)
		n, err := w.CountAudience(t.Context(), w.account, b.Audience)
		must(t, err)
		if n.Recipients != 4 || !slices.Equal(n.Reached, []int64{3, 1}) || len(n.Out) != 1 ||
			n.Out[0] != (wxcast.OutReason{Reason: "out of reach", N: 2}) {
			t.Errorf("%+v, want 3 and 1 reached and 2 out of reach", n)
		}
		c := w.take(t, b, consent, "w", time.Minute)
		if got := ids(c.Fresh); !slices.Equal(got, []wxcast.Recipient{"m000005", "o000001", "o000002"}) ||
			c.FellThrough != 1 {
			t.Fatalf("%v, %d fell through; want those with a permit, and one to fall", got, c.FellThrough)
		}
		for _, d := range c.Fresh {
			if d.RightAt.IsZero() || d.MiniOpenID == "" || (d.OpenID == "") != (d.Recipient == "m000005") {
				t.Errorf("%+v, want its permit and the ids that there are", d)
			}
		}
		if left := w.left(t); len(left) != 1 || left["m000001"] != 1 {
			t.Errorf("%v is left, want one message to m000001", left)
		}
		next := w.take(t, b, anyChannel, "w", time.Minute)
		if got := ids(next.Retries); !slices.Equal(got, []wxcast.Recipient{"o000003"}) {
			t.Fatalf("%v by the next channel, want o000003", got)
		}
		at := w.Now()
		w.ends(t, b, anyChannel, next.LeaseID, wxcast.Outcome{Recipient: "o000003", State: wxcast.DeliverySent, MsgID: 9,
			AttemptedAt: at})
		w.ends(t, b, consent, c.LeaseID,
			wxcast.Outcome{Recipient: "o000001", ID: "m000001", State: wxcast.DeliverySent, MsgID: 7, AttemptedAt: at},
			wxcast.Outcome{Recipient: "m000005", ID: "m000005", State: wxcast.DeliveryFailed, ErrCode: 47003,
				AttemptedAt: at, RightAt: c.Fresh[0].RightAt},
			wxcast.Outcome{Recipient: "o000002", ID: "m000002", State: wxcast.DeliveryPending, ErrCode: 43101,
				AttemptedAt: at, FallsTo: "any"})
		if left := w.left(t); left["m000005"] != 1 || left["m000002"] != 0 {
			t.Errorf("%v is left: a refusal that surely sent nothing gives the permit back", left)
		}
		last := w.take(t, b, anyChannel, "w", time.Minute)
		if got := ids(last.Retries); !slices.Equal(got, []wxcast.Recipient{"o000002"}) {
			t.Fatalf("%v fell through, want o000002", got)
		}
		w.ends(t, b, anyChannel, last.LeaseID, wxcast.Outcome{Recipient: "o000002", State: wxcast.DeliverySent, MsgID: 8,
			AttemptedAt: at})
		tally := w.tally(t, b)
		by := tally.ByChannel
		if tally.Sent != 3 || tally.Failed != 1 || by["consent"].Recipients != 4 || by["consent"].Sent != 1 ||
			by["consent"].Failed != 1 || by["consent"].FellThrough != 2 || by["consent"].FellThroughBy[43101] != 1 ||
			by["consent"].FellThroughBy[wxcast.ErrCodeNoPermit] != 1 || by["any"].Sent != 2 {
			t.Errorf("%+v: %+v %+v", tally, by["consent"], by["any"])
		}
		if c := w.take(t, b, consent, "w", time.Minute); !c.Exhausted {
			t.Errorf("%+v, want it exhausted", c)
		}
		// A receipt of the mini program is of its own channel's message, and names the mini user.
		must(t, w.RecordReceipts(t.Context(), w.account, consent, consent.Lane(b), []wxcast.Receipt{
			{OpenID: "m000001", MsgID: 7, Status: "success", At: at}, {OpenID: "o000003", MsgID: 9, Status: "x", At: at}}))
		if tally := w.tally(t, b); tally.Delivered != 1 || tally.Undelivered != 0 {
			t.Errorf("%+v, want one delivered: the other is of another channel", tally)
		}
	})
}

// A permit stays with its delivery until that has its end, whatever happens to the worker.
func TestAPermitIsTakenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000004": 3, "m000005": 3, "m000006": 3})
		b := w.by(t, "alone", consent)
		c := w.take(t, b, consent, "dead", time.Millisecond)
		if len(c.Fresh) != 3 {
			t.Fatalf("%+v", c)
		}
		must(t, w.GiveBack(t.Context(), b, wxcast.Claim{LeaseID: c.LeaseID, Day: c.Day, Lane: c.Lane,
			Fresh: c.Fresh[2:]}))
		ours, err := w.HandOver(t.Context(), b.Ref(), consent, []wxcast.DeliveryKey{{Recipient: "m000004"}})
		must(t, err)
		again, err := w.HandOver(t.Context(), b.Ref(), consent, []wxcast.DeliveryKey{{Recipient: "m000004"}})
		must(t, err)
		if len(ours) != 1 || len(again) != 0 {
			t.Fatalf("%v, then %v: a message is noted once", ours, again)
		}
		w.PretendLater(time.Minute)
		if c = w.take(t, b, consent, "w", time.Minute); c.TakenOver != 1 {
			t.Fatalf("%+v, want the dead worker's lease taken over", c)
		}
		w.toldOf(t, consent.Lane(b), wxcast.Quota{Limit: 1000}) // what it used, WeChat must say
		c = w.take(t, b, consent, "w", time.Minute)
		if len(c.Retries) != 3 {
			t.Fatalf("%+v, want all three", c)
		}
		for _, d := range c.Retries {
			if d.RightAt.IsZero() || d.OpenSince.IsZero() == (d.Recipient == "m000004") {
				t.Errorf("%+v: what was noted alone is in doubt, and each has its permit", d)
			}
		}
		if left := w.left(t); left["m000004"] != 2 || left["m000005"] != 2 || left["m000006"] != 2 {
			t.Errorf("%v is left, want two each", left)
		}
		moved, err := w.MoveBroadcast(t.Context(), b.Ref(),
			wxcast.Move{From: wxcast.BroadcastRunning, To: wxcast.BroadcastCancelled})
		if must(t, err); !moved {
			t.Fatal("not cancelled")
		}
		if left := w.left(t); left["m000004"] != 2 || left["m000005"] != 3 || left["m000006"] != 3 {
			t.Errorf("%v is left: what may be out has used its permit, the others have theirs back", left)
		}
		if ours, err = w.HandOver(t.Context(), b.Ref(), consent,
			[]wxcast.DeliveryKey{{Recipient: "m000005"}}); len(ours) > 0 {
			t.Errorf("%v (%v) may leave after its permit was given back", ours, err)
		}
	})
}

// The permit of a follower's message is their mini user's: a cancel gives it back to them.
func TestACancelGivesAFollowersPermitBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1})
		b := w.by(t, "b", consent)
		if c := w.take(t, b, consent, "w", time.Minute); !slices.Equal(ids(c.Fresh), []wxcast.Recipient{"o000001"}) {
			t.Fatalf("%+v, want o000001", c)
		}
		w.cancel(t, b)
		if left := w.left(t); left["m000001"] != 1 {
			t.Errorf("%v is left, want m000001's permit back", left)
		}
	})
}

// WeChat's word about a permit counts more than the ledger's; in a storm it does not.
func TestRefusalsAreSettled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000004": 3, "m000005": 3})
		b := w.by(t, "alone", consent)
		c := w.take(t, b, consent, "w", time.Minute)
		at := w.Now().Add(time.Second)
		refusal := func(i int) []wxcast.Refusal {
			return []wxcast.Refusal{{ID: c.Fresh[i].Recipient, RightAt: c.Fresh[i].RightAt, At: at}}
		}
		must(t, w.SettleRefusals(t.Context(), b.Ref(), consent, refusal(0), true))
		must(t, w.SettleRefusals(t.Context(), b.Ref(), consent, refusal(1), false))
		if left := w.left(t); left["m000004"] != 0 || left["m000005"] != 3 {
			t.Errorf("%v is left, want nothing, and in the storm all three", left)
		}
	})
}

// A person may be written to as often as a window allows, and not after it.
func TestAWindowAllowsSoManyMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		now := w.Now().Truncate(time.Second)
		must(t, w.OpenWindows(t.Context(), w.account, []wxcast.Window{
			{OpenID: "o000001", Kind: wxcast.WindowMessage, At: now, Until: now.Add(48 * time.Hour), Messages: 2},
			{OpenID: "o000001", Kind: wxcast.WindowFollow, At: now, Until: now.Add(time.Minute), Messages: 1},
			{OpenID: "o000002", Kind: wxcast.WindowMessage, At: now.Add(-49 * time.Hour), Until: now.Add(-time.Hour),
				Messages: 5},
		}))
		var got []int
		for _, name := range []string{"one", "two", "three"} {
			b := w.by(t, name, card)
			c := w.take(t, b, card, "w", time.Minute)
			got = append(got, len(c.Fresh))
			for _, d := range c.Fresh {
				if d.Recipient != "o000001" || !d.RightUntil.Equal(now.Add(48*time.Hour)) {
					t.Errorf("%+v, want o000001 and the end of the longer window", d)
				}
			}
		}
		if !slices.Equal(got, []int{1, 1, 0}) {
			t.Errorf("%v messages, want two in all: one message counts in every window that is open", got)
		}
	})
}

// A channel that stops leaves the others at work; the broadcast stops when all that is left is
// its.
func TestAStoppedChannelLeavesTheOthersAtWork(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000004": 1})
		b := w.by(t, "both", consent, anyChannel)
		c := w.take(t, b, consent, "w", time.Minute)
		if c.FellThrough != 3 {
			t.Fatalf("%+v, want three to fall through", c)
		}
		must(t, w.StopChannel(t.Context(), b.Ref(), "any", wxcast.Move{To: wxcast.BroadcastPaused,
			Reason: wxcast.Verbatim("banned")}))
		if c := w.take(t, b, anyChannel, "w", time.Minute); !c.ChannelStopped || len(c.Retries) > 0 {
			t.Errorf("%+v by a channel that is stopped", c)
		}
		if c := w.take(t, b, consent, "w", time.Minute); c.Stranded || c.Exhausted {
			t.Errorf("%+v while a message is under way", c)
		}
		w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: "m000004", ID: "m000004", State: wxcast.DeliverySent,
			MsgID: 1, AttemptedAt: w.Now()})
		if c := w.take(t, b, consent, "w", time.Minute); !c.Stranded {
			t.Fatalf("%+v, want it stranded: the others wait for a channel that is stopped", c)
		}
		must(t, w.Strand(t.Context(), b.Ref()))
		after, err := w.Broadcast(t.Context(), b.Ref())
		if must(t, err); after.State != wxcast.BroadcastPaused || after.Reason.String() != "banned" {
			t.Errorf("%s: %s, want it paused as its channel", after.State, after.Reason)
		}
		_, err = w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: after.State, To: wxcast.BroadcastRunning})
		must(t, err)
		if c := w.take(t, b, anyChannel, "w", time.Minute); len(c.Retries) != 3 {
			t.Errorf("%+v, want the three who waited", c)
		}
	})
}

// What waits for a channel that has stopped is nothing to do, in whatever process: who is free looks
// again, and finds that the broadcast stops with it. The leases of a process that died while the first
// channel stopped hold nothing up.
func TestABroadcastIsFoundThatWaitsForAStoppedChannel(t *testing.T) {
	for name, dead := range map[string]bool{"at its end": false, "dead": true} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := newWorld(t, db)
				w.people(t)
				w.permit(t, map[wxcast.Recipient]int64{"m000004": 1})
				b := w.by(t, "both", consent, anyChannel)
				due := func() bool {
					t.Helper()
					all, err := w.Survey(t.Context(), w.account, []int64{b.ID}, nil)
					must(t, err)
					i := slices.IndexFunc(all, func(s wxcast.Standing) bool { return s.Channel == anyChannel.Name })
					return !all[i].Due.IsZero() && !all[i].Due.After(w.Now())
				}
				c := w.take(t, b, consent, "w", time.Minute)
				if len(c.Fresh) != 1 {
					t.Fatalf("%+v, want the one who consented", c)
				}
				others := w.take(t, b, anyChannel, "v", time.Minute)
				var sent []wxcast.Outcome
				for _, d := range others.Retries {
					sent = append(sent, wxcast.Outcome{Recipient: d.Recipient, ID: anyChannel.ID(&d), MsgID: 1,
						State: wxcast.DeliverySent, AttemptedAt: w.Now()})
				}
				w.ends(t, b, anyChannel, 0, sent...)
				must(t, w.StopChannel(t.Context(), b.Ref(), consent.Name, wxcast.Move{To: wxcast.BroadcastPaused,
					Reason: wxcast.Verbatim("banned")}))
				if c := w.take(t, b, anyChannel, "v", time.Minute); c.Stranded || due() {
					t.Errorf("stranded: %v, due: %v, while the stopped channel's last message is under way", c.Stranded,
						due())
				}
				if dead {
					w.PretendLater(2 * time.Minute)
					beside := w.by(t, "beside", anyChannel)
					if c := w.take(t, beside, anyChannel, "lives", time.Hour); c.LeaseID == 0 {
						t.Fatalf("%+v, want another broadcast to be at work", c)
					}
				} else {
					must(t, w.GiveBack(t.Context(), b, c))
					w.ends(t, b, consent, c.LeaseID)
				}
				if !due() {
					t.Error("nobody looks whether all that is left waits for a stopped channel")
				}
				if c := w.take(t, b, anyChannel, "v", time.Minute); !c.Stranded {
					t.Errorf("%+v, want it stranded", c)
				}
				must(t, w.Strand(t.Context(), b.Ref()))
				_, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastPaused,
					To: wxcast.BroadcastRunning})
				must(t, err)
				if c := w.take(t, b, consent, "v", time.Minute); len(c.Retries)+c.TakenOver != 1 {
					t.Errorf("%+v, want the message that was under way", c)
				}
			})
		})
	}
}

// Single messages go on by the channels that run: the day's broadcast stops with one that has stopped
// only when no more messages come.
func TestMessagesGoOnByTheOtherChannels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1, "m000002": 1})
		at := wxcast.Broadcast{AccountID: w.account, MiniID: w.mini}
		b := w.day(t, "m", wxcast.BroadcastChannel{Name: consent.Name, Lane: consent.Lane(at), TemplateID: "T"},
			wxcast.BroadcastChannel{Name: anyChannel.Name, Lane: anyChannel.Lane(at), TemplateID: "T"})
		for _, c := range []wxcast.Channel{consent, anyChannel} {
			w.toldOf(t, c.Lane(b), wxcast.Quota{Limit: 1000})
		}
		w.addMessages(t, w.message(b, 3, "to who allows none"))
		if c := w.take(t, b, consent, "w", time.Minute); c.FellThrough != 1 {
			t.Fatalf("%+v, want it to fall through", c)
		}
		must(t, w.StopChannel(t.Context(), b.Ref(), anyChannel.Name, wxcast.Move{To: wxcast.BroadcastPaused,
			Reason: wxcast.Verbatim("banned")}))
		if c := w.take(t, b, consent, "w", time.Minute); c.Stranded || c.NextDue.IsZero() {
			t.Errorf("%+v while more messages may come", c)
		}
		w.addMessages(t, w.message(b, 1, "to who allows one"))
		c := w.take(t, b, consent, "w", time.Minute)
		if len(c.Retries) != 1 {
			t.Fatalf("%+v, want the new message", c)
		}
		w.ends(t, b, consent, 0, wxcast.Outcome{Recipient: c.Retries[0].Recipient, Message: c.Retries[0].Message,
			ID: "m000001", State: wxcast.DeliverySent, MsgID: 1, AttemptedAt: w.Now()})
		w.PretendLater(b.TakesUntil.Sub(w.Now()) + 2*time.Minute)
		w.toldOf(t, consent.Lane(b), wxcast.Quota{Limit: 1000})
		if c := w.take(t, b, consent, "w", time.Minute); !c.Stranded {
			t.Errorf("%+v when no more messages come, want it stranded", c)
		}
	})
}

// Leases are of the messages of a broadcast's first channel: who sees another one's doubts through takes
// nothing over, whatever is first in other broadcasts.
func TestAnotherChannelsDoubtsTakeNothingOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.by(t, "beside", anyChannel)
		w.permit(t, map[wxcast.Recipient]int64{"m000004": 1})
		b := w.by(t, "both", consent, anyChannel)
		if c := w.take(t, b, consent, "dead", time.Minute); len(c.Fresh) != 1 {
			t.Fatalf("%+v, want the one who consented", c)
		}
		_, err := w.MoveBroadcast(t.Context(), b.Ref(), wxcast.Move{From: wxcast.BroadcastRunning,
			To: wxcast.BroadcastPaused})
		must(t, err)
		w.PretendLater(2 * time.Minute)
		before := w.Rows(t, b.Ref())
		must(t, w.CloseDoubts(t.Context(), b.Ref(), anyChannel, anyChannel.Lane(b), time.Hour))
		if now := w.Rows(t, b.Ref()); !slices.Equal(now, before) {
			t.Errorf("%q changed, they were %q", changed(before, now), changed(now, before))
		}
		must(t, w.CloseDoubts(t.Context(), b.Ref(), consent, consent.Lane(b), time.Hour))
		if now := w.Rows(t, b.Ref()); slices.Equal(now, before) {
			t.Errorf("%q: what the dead worker had is not taken over", now)
		}
	})
}
