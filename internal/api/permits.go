package api

import (
	"context"
	"io"
	"net/http"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// OfMini says which mini program is meant.
type OfMini struct {
	Mini string `query:"mini" doc:"appid of the mini program, where the account has several"`
}

func (a *API) addPermits() {
	register(a, operation("get-permit-status", http.MethodGet, "/permits", "How many people allow how many messages",
		wxcast.ScopeRead),
		func(ctx context.Context, a *account.Account, in *OfMini) (account.PermitStatus, error) {
			return a.PermitStatus(ctx, in.Mini)
		})
	type person struct {
		OfMini
		ID string `path:"id" maxLength:"128" doc:"a mini_openid"`
	}
	register(a, operation("get-permits", http.MethodGet, "/permits/{id}", "One mini user's consents",
		wxcast.ScopePeople),
		func(ctx context.Context, a *account.Account, in *person) (account.PersonPermits, error) {
			return a.Permits(ctx, in.Mini, in.ID)
		})
	type form struct {
		OfMini
		RawBody huma.MultipartFormFiles[struct {
			File huma.FormFile `form:"file" required:"true" contentType:"application/octet-stream" doc:"CSV, as wxcast permits import takes it"`
		}]
	}
	register(a, operation("import-permits", http.MethodPost, "/permits",
		"Make a ledger that was kept elsewhere (mini_openid,template_id,count) the truth about whom it names",
		wxcast.ScopeSync),
		func(ctx context.Context, a *account.Account, in *form) (account.ImportedPermits, error) {
			file := in.RawBody.Data().File
			return a.ImportPermits(ctx, in.Mini, file, filepath.Base(file.Filename))
		})
	type export struct {
		ExportFormat
		OfMini
	}
	stream(a, operation("export-permits", http.MethodGet, "/permits/export", "What people allow still",
		wxcast.ScopePeople),
		func(ctx context.Context, a *account.Account, in *export, w io.Writer) error {
			_, err := a.ExportPermits(ctx, in.Mini, in.Format, w)
			return err
		})
}
