package account

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	followersync "github.com/wxcast/wxcast/sync"
)

// Sync brings the account's followers into the store. progress may be nil. Audited.
func (a *Account) Sync(ctx context.Context, mode wxcast.SyncMode, allowMassUnfollow bool,
	progress func(followersync.Progress)) (followersync.Summary, error) {
	return audited(ctx, a, "sync", string(mode), func(*entry) (followersync.Summary, error) {
		if err := a.needCalls(); err != nil {
			return followersync.Summary{}, err
		}
		summary, err := followersync.Run(ctx, a.client, a.db, followersync.Options{
			AccountID: a.ID, Mode: mode, Concurrency: a.cfg.Sync.Concurrency, Rate: a.cfg.Sync.Rate,
			MaxUnfollowShare: a.cfg.Sync.MaxUnfollowShare, AllowMassUnfollow: allowMassUnfollow,
			ResumeWithin: a.cfg.Sync.ResumeWithin,
			Progress:     progress, Log: a.log,
		})
		if err == nil && a.startJob == nil {
			// No serve of ours runs that would keep house: who syncs by cron gets it so. What is
			// left for the next time is no fault of the sync.
			if _, err := a.keepHouse(ctx); err != nil {
				a.log.WarnContext(ctx, "what is old was not removed", "account", a.Name(), "err", err)
			}
		}
		return summary, err
	})
}

// SyncRun is a sync as it is shown.
type SyncRun struct {
	ID         int64      `json:"id"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"` // null while it is unfinished
	// Outcome is "done", "abandoned", "unfinished", or what went wrong, in English; Why is
	// the latter in any language.
	Outcome string          `json:"outcome"`
	Why     wxcast.Sentence `json:"-"`
	followersync.Summary
}

// SyncRuns are the account's last syncs, the latest first.
func (a *Account) SyncRuns(ctx context.Context, most int) ([]SyncRun, error) {
	ended, err := a.db.SyncRuns(ctx, a.ID, most)
	if err != nil {
		return nil, err
	}
	runs, now := make([]SyncRun, len(ended)), a.db.Now()
	for i, r := range ended {
		why := wxcast.Stored(r.Outcome)
		runs[i] = SyncRun{ID: r.ID, StartedAt: r.StartedAt, Outcome: text.English.Say(why), Why: why,
			Summary: followersync.SummaryOf(r.SyncRun)}
		end := r.FinishedAt
		if end.IsZero() {
			end, runs[i].Outcome = now, "unfinished"
		} else {
			runs[i].FinishedAt = &end
		}
		runs[i].Seconds = end.Sub(r.StartedAt).Seconds()
	}
	return runs, nil
}
