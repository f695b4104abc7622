package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *API) addPeople() {
	type person struct {
		ID string `path:"id" maxLength:"128" doc:"an openid, a unionid or a mini_openid"`
	}
	register(a, operation("get-person", http.MethodGet, "/followers/{id}", "Show everything that is kept of one person",
		wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, in *person) (account.Person, error) {
			return of.Person(ctx, in.ID)
		})
	register(a, operation("forget-person", http.MethodDelete, "/followers/{id}",
		"Delete one person's data from every table", wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, in *person) (wxcast.Forgotten, error) {
			return of.ForgetPerson(ctx, in.ID)
		})
	type followers struct {
		ExportFormat
		Mini       string   `query:"mini" doc:"appid of the mini program, where the account has several"`
		Bridged    string   `query:"bridged" enum:"yes,no" doc:"only those who are joined to a mini user, or are not"`
		Unfollowed bool     `query:"unfollowed" doc:"those who left, too"`
		Tags       []int    `query:"tag" doc:"with one of these tag ids"`
		Scenes     []string `query:"scene" doc:"who followed in one of these scenes"`
		From       string   `query:"followed_from" doc:"who followed on this Beijing date or later"`
		Until      string   `query:"followed_until" doc:"who followed before this Beijing date"`
	}
	stream(a, operation("export-followers", http.MethodGet, "/followers", "The followers, in openid order",
		wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, in *followers, w io.Writer) error {
			_, err := of.ExportFollowers(ctx, account.FollowerFilter{
				MiniAppID: in.Mini, Bridged: in.Bridged == "yes", NotBridged: in.Bridged == "no",
				Unfollowed: in.Unfollowed, Tags: in.Tags, Scenes: in.Scenes, From: in.From, Until: in.Until,
			}, in.Format, w)
			return err
		})

	type remark struct {
		Remark string `query:"remark" required:"true" minLength:"1" maxLength:"128" doc:"how the remark begins"`
	}
	type found struct {
		Followers []wxcast.Remarked `json:"followers"`
	}
	register(a, operation("find-followers", http.MethodGet, "/followers/find",
		"Followers whose remark begins with a text",
		wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, in *remark) (found, error) {
			all, err := of.FindPeople(ctx, in.Remark)
			return found{append([]wxcast.Remarked{}, all...)}, err
		})
	type ids struct {
		Body struct {
			IDs []string `json:"ids" minItems:"1" maxItems:"2000" doc:"openids or unionids"`
		}
	}
	type change func(*account.Account, context.Context, []string) (account.OptOutChange, error)
	for _, c := range []struct {
		op huma.Operation
		do change
	}{
		{operation("add-optouts", http.MethodPost, "/optouts", "Put people on the list of those who want no messages",
			wxcast.ScopePeople), (*account.Account).AddOptOuts},
		{operation("remove-optouts", http.MethodPost, "/optouts/remove", "Take people off that list",
			wxcast.ScopePeople), (*account.Account).RemoveOptOuts},
	} {
		register(a, c.op, func(ctx context.Context, of *account.Account, in *ids) (account.OptOutChange, error) {
			return c.do(of, ctx, in.Body.IDs)
		})
	}
	type testers struct {
		Testers []account.Tester `json:"testers"`
	}
	for _, c := range []struct {
		op huma.Operation
		do func(*account.Account, context.Context, []string) ([]account.Tester, error)
	}{
		{operation("add-testers", http.MethodPost, "/testers", "Make testers of followers: tests go to their phones",
			wxcast.ScopePeople), (*account.Account).AddTesters},
		{operation("remove-testers", http.MethodPost, "/testers/remove", "Take people off the testers",
			wxcast.ScopePeople), (*account.Account).RemoveTesters},
	} {
		register(a, c.op, func(ctx context.Context, of *account.Account, in *ids) (testers, error) {
			all, err := c.do(of, ctx, in.Body.IDs)
			return testers{all}, err
		})
	}
	register(a, operation("list-testers", http.MethodGet, "/testers", "Who gets tests", wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, _ *struct{}) (testers, error) {
			all, err := of.Testers(ctx)
			return testers{all}, err
		})
	register(a, operation("create-tester-code", http.MethodPost, "/testers/code",
		"Make a QR code that makes a tester of whoever scans it", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, _ *struct{}) (account.TesterCode, error) {
			return of.TesterCode(ctx)
		})
	type export struct{ ExportFormat }
	stream(a, operation("export-optouts", http.MethodGet, "/optouts", "The list of those who want no messages",
		wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, in *export, w io.Writer) error {
			_, err := of.ExportOptOuts(ctx, in.Format, w)
			return err
		})
}
