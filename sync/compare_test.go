package followersync_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

func TestAMassUnfollowIsNotBelieved(t *testing.T) {
	each(t, 1000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.sim.RemoveFollowers(300)
		_, err := b.run(t, t.Context())
		if !errors.Is(err, followersync.ErrMassUnfollow) ||
			!strings.Contains(text.English.Error(err, text.NoDoor, nil), "300 of 1,000") {
			t.Fatalf("%v", err)
		}
		if c := b.counts(t); c.Followers != 1000 {
			t.Errorf("%+v", c)
		}
		b.options.AllowMassUnfollow = true
		if s := b.mustRun(t); s.Unfollowed != 300 {
			t.Errorf("%+v", s)
		}
	})
}

// A source whose list is short, though nobody left.
type shortSource struct {
	followersync.Source
	pages int
}

func (s *shortSource) ListFollowers(ctx context.Context, next wxcast.OpenID) (wechat.FollowerPage, error) {
	p, err := s.Source.ListFollowers(ctx, next)
	if s.pages--; err == nil && s.pages < 0 {
		p.OpenIDs, p.NextOpenID = nil, ""
	}
	return p, err
}

func TestAListThatBreaksOffIsNotBelieved(t *testing.T) {
	each(t, 3000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.options.MaxUnfollowShare = 1
		s, err := followersync.Run(t.Context(), &shortSource{b.client, 2}, b.db, b.options)
		if !errors.Is(err, followersync.ErrListBrokeOff) ||
			!strings.Contains(text.English.Error(err, text.NoDoor, nil), "after 2000 of 3000") || s.Unfollowed != 0 {
			t.Errorf("%+v %v", s, err)
		}
		if s := b.mustRun(t); s.Resumed || s.Listed != 3000 || b.counts(t).Followers != 3000 {
			t.Errorf("the next run: %+v", s)
		}
	})
}

// A source whose list lacks people who still follow, as paging without a snapshot may.
type gappySource struct{ followersync.Source }

func (s gappySource) ListFollowers(ctx context.Context, next wxcast.OpenID) (wechat.FollowerPage, error) {
	p, err := s.Source.ListFollowers(ctx, next)
	if len(p.OpenIDs) > 50 {
		p.OpenIDs = p.OpenIDs[50:]
	}
	return p, err
}

func TestWhoIsMissingFromTheListAndStillFollowsStays(t *testing.T) {
	each(t, 3000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		s, err := followersync.Run(t.Context(), gappySource{b.client}, b.db, b.options)
		if err != nil || s.Unfollowed != 0 || s.Listed != 2850 || s.Updated != 150 {
			t.Errorf("%+v %v", s, err)
		}
		if c := b.counts(t); c.Followers != 3000 {
			t.Errorf("%+v", c)
		}
	})
}

// A source whose page's last person unfollows before the next page is asked for.
type leavingSource struct {
	followersync.Source
	leave func(wxcast.OpenID)
}

func (s leavingSource) ListFollowers(ctx context.Context, next wxcast.OpenID) (wechat.FollowerPage, error) {
	p, err := s.Source.ListFollowers(ctx, next)
	if err == nil && len(p.OpenIDs) == 1000 {
		s.leave(p.NextOpenID)
		s.leave(p.OpenIDs[len(p.OpenIDs)-2])
	}
	return p, err
}

func TestACursorThatUnfollowsDoesNotBreakTheList(t *testing.T) {
	each(t, 3500, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseGoneCursor = true })
		s, err := followersync.Run(t.Context(), leavingSource{b.client,
			func(o wxcast.OpenID) { b.sim.Leave(string(o)) }}, b.db, b.options)
		if err != nil {
			t.Fatal(err)
		}
		if left := 3500 - int64(b.sim.State().Followers); left < 6 || s.Unfollowed > left {
			t.Errorf("%d left, %+v", left, s)
		}
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseGoneCursor = false })
		b.mustRun(t)
		if c := b.counts(t); c.Followers != int64(b.sim.State().Followers) {
			t.Errorf("%+v beside %+v", c, b.sim.State())
		}
	})
}

func TestAFollowerWhoComesBackKeepsTheirRow(t *testing.T) {
	each(t, 300, func(t *testing.T, b *bench) {
		b.mustRun(t)
		openid, _ := b.sim.FollowerIDs(7)
		history := func() wxcast.FollowerRecord {
			t.Helper()
			p, err := b.db.Person(t.Context(), b.options.AccountID, nil, openid)
			if err != nil || len(p.Followers) != 1 {
				t.Fatalf("%+v %v", p, err)
			}
			return p.Followers[0]
		}
		first := history()
		b.sim.Leave(openid)
		if s := b.mustRun(t); s.Unfollowed != 1 {
			t.Errorf("%+v", s)
		}
		if left := history(); left.Subscribed || left.UnfollowedAt.IsZero() || !left.RefollowedAt.IsZero() {
			t.Errorf("%+v", left)
		}
		b.sim.Return(openid)
		if s := b.mustRun(t); s.New != 0 || s.Updated != 1 {
			t.Errorf("%+v", s)
		}
		if back := history(); !back.Subscribed || !back.FirstSeenAt.Equal(first.FirstSeenAt) ||
			!back.RefollowedAt.After(back.UnfollowedAt) {
			t.Errorf("%+v", back)
		}
	})
}

// An incomplete listing is nothing to compare later ones with.
func TestWhoWasMissingOnceIsStillNoticedWhenTheyLeave(t *testing.T) {
	each(t, 3000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		if _, err := followersync.Run(t.Context(), gappySource{b.client}, b.db, b.options); err != nil {
			t.Fatal(err)
		}
		for n := range 40 { // among those that the list lacked
			openid, _ := b.sim.FollowerIDs(n)
			b.sim.Leave(openid)
		}
		if s := b.mustRun(t); s.Unfollowed != 40 || b.counts(t).Followers != 2960 {
			t.Errorf("%+v %+v", s, b.counts(t))
		}
	})
}

func TestWhatAnAbandonedRunStoredIsComparedToo(t *testing.T) {
	each(t, 2000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.sim.AddFollowers(900)
		b.options.Concurrency = 1
		if _, err := followersync.Run(t.Context(), &shortSource{b.client, 3}, b.db, b.options); err != nil {
			t.Fatal(err) // 2,900 of 2,900 are believed
		}
		b.sim.AddFollowers(1000)
		s, err := followersync.Run(t.Context(), &shortSource{b.client, 3}, b.db, b.options)
		if !errors.Is(err, followersync.ErrListBrokeOff) {
			t.Fatalf("%+v %v", s, err)
		}
		stored := b.counts(t).Followers
		for n := 2900; n < 3900; n++ { // whoever of them the broken run has stored
			if openid, _ := b.sim.FollowerIDs(n); n%2 == 0 {
				b.sim.Leave(openid)
			}
		}
		b.mustRun(t)
		if c := b.counts(t); c.Followers != int64(b.sim.State().Followers) {
			t.Errorf("%d of the broken run; %+v beside %+v", stored-2900, c, b.sim.State())
		}
	})
}

// A source whose order is another one every time; WeChat promises none.
type shuffledSource struct {
	followersync.Source
	openids []wxcast.OpenID
}

func (s shuffledSource) ListFollowers(_ context.Context, next wxcast.OpenID) (wechat.FollowerPage, error) {
	at := slices.Index(s.openids, next) + 1
	page := s.openids[at:min(at+1000, len(s.openids))]
	p := wechat.FollowerPage{Total: int64(len(s.openids)), OpenIDs: slices.Clone(page)}
	if len(page) > 0 {
		p.NextOpenID = page[len(page)-1]
	}
	return p, nil
}

func TestAnotherOrderChangesNothing(t *testing.T) {
	each(t, 6000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.sim.AddFollowers(20)
		b.sim.RemoveFollowers(10)
		var openids []wxcast.OpenID
		for openid := range b.sim.Followers() {
			openids = append(openids, wxcast.OpenID(openid))
		}
		for turn := range 2 {
			rand.Shuffle(len(openids), func(i, j int) { openids[i], openids[j] = openids[j], openids[i] })
			s, err := followersync.Run(t.Context(), shuffledSource{b.client, openids}, b.db, b.options)
			if err != nil || turn == 0 && (s.New != 20 || s.Unfollowed != 10 ||
				s.APICalls["user/info/batchget"] != 1) || turn == 1 && s.New+s.Unfollowed+s.Updated != 0 {
				t.Errorf("%+v %v", s, err)
			}
		}
		if c := b.counts(t); c.Followers != 6010 {
			t.Errorf("%+v", c)
		}
	})
}

// A source whose total shrinks by half while it is paged, with what is listed.
type shrinkingSource struct {
	followersync.Source
	calls int
}

func (s *shrinkingSource) ListFollowers(ctx context.Context, next wxcast.OpenID) (wechat.FollowerPage, error) {
	p, err := s.Source.ListFollowers(ctx, next)
	if s.calls++; s.calls > 2 {
		p.Total /= 2
		p.OpenIDs, p.NextOpenID = nil, ""
	}
	return p, err
}

func TestATotalThatShrinksIsNotBelieved(t *testing.T) {
	each(t, 4000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		b.options.MaxUnfollowShare = 1
		s, err := followersync.Run(t.Context(), &shrinkingSource{Source: b.client}, b.db, b.options)
		if !errors.Is(err, followersync.ErrListBrokeOff) || s.Unfollowed != 0 {
			t.Errorf("%+v %v", s, err)
		}
		if s := b.mustRun(t); s.New+s.Unfollowed != 0 || b.counts(t).Followers != 4000 {
			t.Errorf("the next run: %+v", s)
		}
	})
}

// Who was marked as gone by a run that did not become the base, and comes back to
// the same place, stands in both listings; the store's own change is what tells.
func TestWhoComesBackAfterARunThatBrokeOffIsNoticed(t *testing.T) {
	each(t, 3000, func(t *testing.T, b *bench) {
		b.mustRun(t)
		openid, _ := b.sim.FollowerIDs(2500)
		b.sim.Leave(openid)
		// Its list lacks 150 who still follow, so it is no base; but one has left.
		if s, err := followersync.Run(t.Context(), gappySource{b.client}, b.db, b.options); err != nil ||
			s.Unfollowed != 1 {
			t.Fatalf("%+v %v", s, err)
		}
		b.sim.Return(openid)
		if s := b.mustRun(t); s.Updated != 1 || b.counts(t).Followers != 3000 {
			t.Errorf("%+v %+v", s, b.counts(t))
		}
	})
}
