package api

import (
	"context"
	"net/http"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// GoalBody is something that a person did which the company wants.
type GoalBody struct {
	To     string `json:"to" doc:"openid, unionid or mini_openid"`
	Goal   string `json:"goal" doc:"such as order"`
	Amount string `json:"amount,omitempty" doc:"such as 12.50"`
	At     string `json:"at,omitempty" doc:"RFC 3339, or a Beijing time; now, if it is not given"`
	Key    string `json:"key,omitempty" doc:"the caller's own name of it: told again with it, it counts once"`
}

// VisitBody is a visit that the company has logged itself.
type VisitBody struct {
	MiniOpenID string `json:"mini_openid"`
	Mark       string `json:"wxv" doc:"the parameter of the page"`
	At         string `json:"at,omitempty" doc:"RFC 3339, or a Beijing time; now, if it is not given"`
	Scene      string `json:"scene,omitempty" doc:"as WeChat numbers it"`
}

// RefusedRow is one of many that was not kept.
type RefusedRow struct {
	Index int    `json:"index" doc:"from 0"`
	Error string `json:"error"`
}

// ReportedRows are what became of many.
type ReportedRows struct {
	Added   int64        `json:"added" doc:"those that are new"`
	Refused []RefusedRow `json:"refused"`
}

func (a *API) addGoals() {
	type goals struct {
		Body struct {
			Goals []GoalBody `json:"goals" minItems:"1" maxItems:"1000"`
		}
	}
	register(a, operation("add-goals", http.MethodPost, "/goals", "Tell what people did that you want them to do",
		wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *goals) (out ReportedRows, err error) {
			all := make([]account.GoalRequest, len(in.Body.Goals))
			for i, g := range in.Body.Goals {
				all[i] = account.GoalRequest{To: g.To, Goal: g.Goal, Amount: g.Amount, At: g.At, Key: g.Key}
			}
			added, refused, err := of.AddGoals(ctx, all)
			out.Added, out.Refused = added, []RefusedRow{}
			for i, one := range refused {
				if one != nil {
					_, said := a.told(ctx, one)
					out.Refused = append(out.Refused, RefusedRow{i, said})
				}
			}
			return out, err
		})
	type visits struct {
		Mini string `query:"mini" doc:"appid of the mini program, where there are several"`
		Body struct {
			Visits []VisitBody `json:"visits" minItems:"1" maxItems:"1000"`
		}
	}
	register(a, operation("add-visits", http.MethodPost, "/visits",
		"Tell who came to the mini program by a message, where it does not tell so itself", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *visits) (out ReportedRows, err error) {
			out.Refused = []RefusedRow{}
			for i, v := range in.Body.Visits {
				counted, err := of.AddVisit(ctx, in.Mini, account.VisitRow{MiniOpenID: v.MiniOpenID, Mark: v.Mark,
					At: v.At, Scene: v.Scene})
				switch {
				case counted:
					out.Added++
				case err != nil:
					status, said := a.told(ctx, err)
					if status != http.StatusUnprocessableEntity {
						return out, err
					}
					out.Refused = append(out.Refused, RefusedRow{i, said})
				}
			}
			return out, nil
		})
}
