package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// cursorHeader is what the next page of events is after: also where a page is empty.
const cursorHeader = "Wxcast-Cursor"

type eventsAsked struct {
	After string   `query:"after" maxLength:"20" doc:"a cursor: what happened after it; without it, from the first that is kept"`
	Types []string `query:"types" maxItems:"50" doc:"such as message.sent,follower.*; all, if it is not given"`
	Limit int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Wait  int      `query:"wait" minimum:"0" maximum:"60" default:"20" doc:"how many seconds to wait for one, where there is none yet"`
}

// ByWebhook is the path of a webhook.
type ByWebhook struct {
	Name string `path:"name" maxLength:"64" doc:"as the configuration names it"`
}

func (a *API) addWebhooks() {
	type webhookList struct {
		Webhooks []account.Webhook `json:"webhooks"`
	}
	register(a, operation("list-webhooks", http.MethodGet, "/webhooks", "How the company's systems take the events",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, _ *struct{}) (webhookList, error) {
			all, err := of.Webhooks(ctx)
			return webhookList{all}, err
		})
	type resume struct {
		ByWebhook
		After string `query:"after" maxLength:"20" doc:"a cursor; from where it stopped, if it is not given"`
	}
	register(a, operation("resume-webhook", http.MethodPost, "/webhooks/{name}/resume",
		"Post events again, from behind a cursor", wxcast.ScopeEvents),
		func(ctx context.Context, of *account.Account, in *resume) (account.Webhook, error) {
			return of.ResumeWebhook(ctx, in.Name, in.After)
		})
	register(a, operation("test-webhook", http.MethodPost, "/webhooks/{name}/test", "Post an event of no meaning",
		wxcast.ScopeEvents),
		func(ctx context.Context, of *account.Account, in *ByWebhook) (account.WebhookTest, error) {
			return of.TestWebhook(ctx, in.Name)
		})
}

func (a *API) addEvents() {
	op := operation("list-events", http.MethodGet, "/events", "What happened, in order, as lines", wxcast.ScopeEvents)
	op.Description = "A reader keeps the cursor of the last line that it has dealt with, and asks for what is after it. " +
		"Where a page may be empty, as with types, the header " + cursorHeader + " says what to ask for next. " +
		"410: the events after that cursor are not kept any more."
	op.Errors = append(op.Errors, http.StatusGone, http.StatusUnprocessableEntity)
	op.Responses = map[string]*huma.Response{"200": {Description: "lines, each an event",
		Headers: map[string]*huma.Param{cursorHeader: {Schema: &huma.Schema{Type: huma.TypeString}}},
		Content: map[string]*huma.MediaType{"application/jsonl": {
			Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[account.Event](), true, "Event")}}}}
	huma.Register(a.huma, op, func(ctx context.Context, in *eventsAsked) (*huma.StreamResponse, error) {
		page, err := accountOf(ctx).Events(ctx, account.EventQuery{After: in.After, Types: in.Types, Limit: in.Limit,
			Wait: time.Duration(in.Wait) * time.Second, Stop: a.stopping})
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &huma.StreamResponse{Body: func(out huma.Context) {
			out.SetHeader("Content-Type", "application/jsonl")
			out.SetHeader(cursorHeader, page.Cursor)
			enc := json.NewEncoder(out.BodyWriter())
			enc.SetEscapeHTML(false)
			for _, e := range page.Events {
				if enc.Encode(e) != nil {
					return // the caller is gone
				}
			}
		}}, nil
	})
}
