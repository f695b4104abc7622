package api

import (
	"context"
	"net/http"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *API) addJobs() {
	register(a, operation("get-account", http.MethodGet, "/account", "Show which account the key opens",
		wxcast.ScopeRead),
		func(_ context.Context, of *account.Account, _ *struct{}) (account.Description, error) {
			return of.Describe(), nil
		})
	type templateList struct {
		Templates []account.Template `json:"templates"`
	}
	register(a, operation("list-templates", http.MethodGet, "/templates",
		"WeChat's templates of the account and of its mini programs, with the values that they ask for",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, _ *struct{}) (templateList, error) {
			all, err := of.Templates(ctx)
			return templateList{append([]account.Template{}, all...)}, err
		})
	register(a, operation("list-jobs", http.MethodGet, "/jobs", "The jobs, when each comes next, and their last runs",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, _ *struct{}) (account.Jobs, error) { return of.Jobs(ctx) })
	type job struct {
		Job string `path:"job" enum:"sync,report,quota,housekeeping"`
	}
	start := operation("start-job", http.MethodPost, "/jobs/{job}/start",
		"Run a job now; its run stands in the list of runs", wxcast.ScopeSync)
	start.DefaultStatus = http.StatusAccepted
	register(a, start, func(ctx context.Context, of *account.Account, in *job) (Done, error) {
		return Done{}, of.StartJob(ctx, in.Job)
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
	register(a, operation("import-mini-users", http.MethodPost, "/mini-users",
		"Bring in the mini program's users, and join them to the followers", wxcast.ScopeSync),
		func(ctx context.Context, of *account.Account, in *importForm) (account.Imported, error) {
			file := in.RawBody.Data().File
			columns := bridge.Columns{UnionID: in.UnionIDColumn, OpenID: in.OpenIDColumn}
			return of.ImportFile(ctx, file, columns, account.ImportOptions{
				Source: filepath.Base(file.Filename), MiniAppID: in.Mini, Strict: in.Strict, Replace: in.Replace,
				AllowMassRemoval: in.Whole,
			})
		})
}
