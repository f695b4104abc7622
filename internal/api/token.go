package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *API) addToken() {
	get := operation("get-access-token", http.MethodGet, "/access-token", "The account's access token",
		wxcast.ScopeToken)
	get.Description = "For the company's other systems: who gets it here overwrites nobody's. Ask before each use or keep it for expires_in seconds."
	register(a, get, func(ctx context.Context, of *account.Account, _ *struct{}) (account.AccessToken, error) {
		return a.accessToken(ctx, of, "")
	})
	type refused struct {
		Body struct {
			Refused string `json:"refused" minLength:"1" maxLength:"1024" doc:"the token that WeChat refused"`
		}
	}
	post := operation("replace-access-token", http.MethodPost, "/access-token",
		"Another access token, after WeChat refused one with 40001, 40014 or 42001", wxcast.ScopeToken)
	post.Description = "A token that is not the current one any more is answered with the current one; WeChat is asked at most once."
	register(a, post, func(ctx context.Context, of *account.Account, in *refused) (account.AccessToken, error) {
		return a.accessToken(ctx, of, in.Body.Refused)
	})
}

func (a *API) accessToken(ctx context.Context, of *account.Account, refused string) (account.AccessToken, error) {
	if !a.tokens.Allow(of.Describe().Account, time.Now()) {
		return account.AccessToken{}, huma.NewError(http.StatusTooManyRequests, langOf(ctx).T("api.too_many_tokens"))
	}
	return of.AccessToken(ctx, refused)
}
