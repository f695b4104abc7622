package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/jobs"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestSchedulesAreInBeijingTime(t *testing.T) {
	at := time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC) // 02:00 of the 22nd in Beijing
	for text, want := range map[string]string{
		"0 3 * * *":             "2026-11-21T19:00:00Z",
		"CRON_TZ=UTC 0 3 * * *": "2026-11-22T03:00:00Z",
		"*/10 * * * *":          "2026-11-21T18:10:00Z",
		"0 9 * * 1":             "2026-11-23T01:00:00Z",
		"off":                   "0001-01-01T00:00:00Z",
	} {
		s, err := jobs.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Next(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	daily, _ := jobs.ParseSchedule("0 3 * * *")
	if last := daily.Last(at.Add(-72*time.Hour), at); !last.Equal(time.Date(2026, 11, 20, 19, 0, 0, 0, time.UTC)) {
		t.Errorf("last %v", last)
	}
	if last := daily.Last(at.Add(-time.Hour), at); !last.IsZero() {
		t.Errorf("last %v", last)
	}
	for _, text := range []string{"", "soon", "0 3 * *", "@every 1h", "61 * * * *"} {
		if _, err := jobs.ParseSchedule(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// minutes is a schedule of each minute.
func minutes(t *testing.T) jobs.Schedule {
	t.Helper()
	s, err := jobs.ParseSchedule("* * * * *")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func account(t *testing.T, db *store.DB) int64 {
	t.Helper()
	id, err := db.EnsureApp(t.Context(), "wx1", wxcast.KindOfficialAccount)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEachRunIsOneProcesssOfMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id := account(t, db)
		ctx, stop := context.WithCancel(t.Context())
		var ran atomic.Int64
		var all sync.WaitGroup
		for n := range 4 {
			r := &jobs.Runner{Store: db, Worker: fmt.Sprint("w", n), Log: slog.New(slog.DiscardHandler)}
			r.Add(jobs.Job{AccountID: id, Name: "j", Schedule: minutes(t), Run: func(context.Context) (string, error) {
				if ran.Add(1) == 1 {
					return "", errors.New("no luck")
				}
				return "did it", nil
			}})
			all.Go(func() { r.Run(ctx) })
		}
		// What was due while nobody was there is run once, at once.
		for deadline := time.Now().Add(5 * time.Second); ran.Load() == 0 &&
			time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		}
		time.Sleep(300 * time.Millisecond)
		stop()
		all.Wait()
		runs, err := db.JobRuns(t.Context(), id, 100)
		// A minute may have begun in between.
		if err != nil || ran.Load() != int64(len(runs)) || len(runs) > 2 || len(runs) == 0 {
			t.Fatalf("%d ran: %+v %v", ran.Load(), runs, err)
		}
		first := runs[len(runs)-1]
		if first.Outcome != wxcast.JobFailed || first.Detail != "no luck" || first.Attempts != 1 ||
			first.FinishedAt.IsZero() || first.DueAt.Second() != 0 {
			t.Errorf("%+v", first)
		}
	})
}

func TestADeadProcesssRunIsTakenOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id, due := account(t, db), db.Now().Truncate(time.Minute)
		run, claim, err := db.ClaimJob(t.Context(), wxcast.JobTurn{AccountID: id, Job: "j", Due: due}, "dead",
			time.Millisecond)
		if err != nil || claim != wxcast.JobClaimed {
			t.Fatal(claim, err)
		}
		time.Sleep(5 * time.Millisecond)
		again, claim, err := db.ClaimJob(t.Context(), wxcast.JobTurn{AccountID: id, Job: "j", Due: due}, "next",
			time.Minute)
		if err != nil || claim != wxcast.JobClaimed || again != run {
			t.Fatal(again, claim, err)
		}
		if ours, err := db.RenewJob(t.Context(), run, "dead", time.Minute); ours || err != nil {
			t.Errorf("the dead one goes on: %v", err)
		}
		if _, claim, _ := db.ClaimJob(t.Context(), wxcast.JobTurn{AccountID: id, Job: "j", Due: due}, "third",
			time.Minute); claim != wxcast.JobTaken {
			t.Errorf("claimed from a living one: %v", claim)
		}
		// The next one comes while this one is at work: it is refused, and says why.
		if _, claim, _ := db.ClaimJob(t.Context(), wxcast.JobTurn{AccountID: id, Job: "j", Due: due.Add(time.Minute)},
			"third", time.Minute); claim != wxcast.JobOver {
			t.Errorf("two at a time: %v", claim)
		}
		if err := db.FinishJob(t.Context(), run, "dead", wxcast.JobDone, "by the dead"); err != nil {
			t.Fatal(err)
		}
		if err := db.FinishJob(t.Context(), run, "next", wxcast.JobDone, "by the next"); err != nil {
			t.Fatal(err)
		}
		if _, claim, _ := db.ClaimJob(t.Context(), wxcast.JobTurn{AccountID: id, Job: "j", Due: due}, "third",
			time.Minute); claim != wxcast.JobOver {
			t.Errorf("run twice: %v", claim)
		}
		runs, err := db.JobRuns(t.Context(), id, 10)
		if err != nil || len(runs) != 2 || runs[1].Detail != "by the next" || runs[1].Attempts != 2 ||
			runs[0].Outcome != wxcast.JobSkipped || runs[0].Detail == "" {
			t.Errorf("%+v %v", runs, err)
		}
	})
}

func TestAStoppedProcessGivesItsRunToTheNext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id := account(t, db)
		begun := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		// Due half an hour ago: no other run comes due while this test lasts.
		hourly, err := jobs.ParseSchedule(fmt.Sprint((db.Now().Minute()+30)%60, " * * * *"))
		if err != nil {
			t.Fatal(err)
		}
		job := jobs.Job{AccountID: id, Name: "j", Schedule: hourly, Run: func(ctx context.Context) (string, error) {
			close(begun)
			<-ctx.Done()
			return "", ctx.Err()
		}}
		ended := make(chan struct{})
		go func() {
			r := &jobs.Runner{Store: db, Worker: "first", Log: slog.New(slog.DiscardHandler)}
			r.Add(job)
			r.Run(ctx)
			close(ended)
		}()
		<-begun
		stop()
		<-ended
		next, stopNext := context.WithCancel(t.Context())
		job.Run = func(context.Context) (string, error) { stopNext(); return "", context.Canceled }
		r := &jobs.Runner{Store: db, Worker: "second", Log: slog.New(slog.DiscardHandler)}
		r.Add(job)
		r.Run(next)
		runs, err := db.JobRuns(t.Context(), id, 10)
		if err != nil || len(runs) == 0 || runs[len(runs)-1].Worker != "second" || runs[len(runs)-1].Attempts != 2 {
			t.Errorf("%+v %v", runs, err)
		}
	})
}

func TestAnInterruptedRunEndsWhenALaterOneTakesItsPlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id, due := account(t, db), db.Now().Truncate(time.Minute)
		turn := wxcast.JobTurn{AccountID: id, Job: "j", Due: due}
		run, _, err := db.ClaimJob(t.Context(), turn, "first", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.RenewJob(t.Context(), run, "first", -time.Second); err != nil {
			t.Fatal(err)
		}
		turn.Due = due.Add(time.Minute)
		if _, claim, err := db.ClaimJob(t.Context(), turn, "second", time.Minute); claim != wxcast.JobClaimed {
			t.Fatalf("what nobody has any more holds up the next run: %v %v", claim, err)
		}
		runs, err := db.JobRuns(t.Context(), id, 10)
		if err != nil || len(runs) != 2 {
			t.Fatalf("%+v %v", runs, err)
		}
		if old := runs[1]; old.Outcome != wxcast.JobFailed || old.FinishedAt.IsZero() || old.Detail == "" {
			t.Errorf("an interrupted run is shown as at work for ever: %+v", old)
		}
		if now := runs[0]; !now.FinishedAt.IsZero() {
			t.Errorf("the run that is at work was ended, too: %+v", now)
		}
	})
}
