package api

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Jobs are what wxcast serve runs by the clock, and how it went.
type Jobs struct {
	Jobs []Job           `json:"jobs"`
	Runs []wxcast.JobRun `json:"runs"` // the latest first
}

// Job is a job, when it comes next, and how it went last.
type Job struct {
	Job      string         `json:"job"`
	Schedule string         `json:"schedule"`
	Next     time.Time      `json:"next,omitzero"` // UTC
	Last     *wxcast.JobRun `json:"last,omitempty"`
}

// Imported is what an import did, and the join after it.
type Imported struct {
	Import  bridge.ImportSummary `json:"import"`
	Rejects []Reject             `json:"rejects"` // the first ones
	Join    bridge.JoinSummary   `json:"join"`
}

// Reject is a row that was not imported.
type Reject struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
}

func (a *API) addJobs() {
	register(a, operation("get-account", http.MethodGet, "/account", "Show which account the key opens", wxcast.ScopeRead),
		func(_ context.Context, account Account, _ *struct{}) (Description, error) {
			return account.Describe(), nil
		})
	register(a, operation("list-jobs", http.MethodGet, "/jobs", "The jobs, when each comes next, and their last runs", wxcast.ScopeRead),
		func(ctx context.Context, account Account, _ *struct{}) (Jobs, error) { return account.Jobs(ctx) })
	type job struct {
		Job string `path:"job" enum:"sync,report,quota,housekeeping"`
	}
	start := audited(operation("start-job", http.MethodPost, "/jobs/{job}/start", "Run a job now; its run stands in the list of runs", wxcast.ScopeSync))
	start.DefaultStatus = http.StatusAccepted
	register(a, start, func(ctx context.Context, account Account, in *job) (struct{}, error) {
		about(ctx, in.Job)
		return struct{}{}, account.StartJob(ctx, in.Job)
	})
	type importForm struct {
		RawBody huma.MultipartFormFiles[struct {
			File huma.FormFile `form:"file" required:"true" contentType:"application/octet-stream" doc:"CSV or JSON Lines, as wxcast import takes it"`
		}]
		Mini          string `query:"mini" doc:"appid of the mini program, where the account has several"`
		UnionIDColumn string `query:"unionid_column" default:"unionid"`
		OpenIDColumn  string `query:"openid_column" default:"openid"`
		Strict        bool   `query:"strict" doc:"import nothing if any row is bad"`
		Replace       bool   `query:"replace" doc:"the file is complete: remove the mini users that it lacks"`
		Whole         bool   `query:"allow_mass_removal" doc:"with replace, remove even more than sync.max_unfollow_share of them"`
	}
	register(a, audited(operation("import-mini-users", http.MethodPost, "/mini-users", "Bring in the mini program's users, and join them to the followers", wxcast.ScopeSync)),
		func(ctx context.Context, account Account, in *importForm) (Imported, error) {
			file := in.RawBody.Data().File
			return account.ImportMiniUsers(ctx, filepath.Base(file.Filename), file, ImportOptions{
				MiniAppID: in.Mini, UnionIDColumn: in.UnionIDColumn, OpenIDColumn: in.OpenIDColumn, Strict: in.Strict, Replace: in.Replace, Whole: in.Whole,
			})
		})
}
