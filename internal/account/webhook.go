package account

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/webhook"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Webhook is how one of the company's systems takes the account's events.
type Webhook struct {
	Name         string     `json:"name"`
	State        string     `json:"state" enum:"taking,failing,set_aside"`
	Cursor       string     `json:"cursor,omitempty" doc:"the last event that it took; none of callbacks"`
	Behind       int64      `json:"behind" doc:"events since, of all types; or callbacks that wait"`
	TakenAt      *time.Time `json:"taken_at,omitempty"`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	Tries        int        `json:"tries,omitempty"`
	RetryAt      *time.Time `json:"retry_at,omitempty"`
	Why          string     `json:"why,omitempty"`
	SetAsideAt   *time.Time `json:"set_aside_at,omitempty"`
}

// webhooks are the configured systems that are told of the account's events.
func (a *Account) webhooks() (all []config.Webhook) {
	for _, w := range a.cfg.Webhooks.Endpoints {
		if len(w.Accounts) == 0 || slices.Contains(w.Accounts, a.Name()) {
			all = append(all, w)
		}
	}
	return all
}

// WebhookSenders post the account's events to the company's systems.
func (a *Account) WebhookSenders(worker string) (all []*webhook.Sender) {
	for _, w := range a.webhooks() {
		all = append(all, &webhook.Sender{
			Line:  webhook.Line{AccountID: a.ID, Account: a.Name(), Name: w.Name, Worker: worker, Log: a.log},
			Store: a.db, Client: webhook.NewClient(a.cfg.Webhooks.AllowPrivate), Endpoint: endpoint(w),
			Encode: func(e wxcast.Event) []byte { return encodeEvent(NewEvent(a.Name(), e)) }})
	}
	return all
}

func encodeEvent(e Event) []byte {
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err) // texts, and JSON that the store has read
	}
	return raw
}

func endpoint(w config.Webhook) webhook.Endpoint {
	e := webhook.Endpoint{URL: w.URL.Reveal(), Secrets: []string{w.Secret.Reveal()}, Types: w.Types,
		Lines: w.Lines}
	if w.SecretOld != "" {
		e.Secrets = append(e.Secrets, w.SecretOld.Reveal())
	}
	return e
}

// Webhooks tells how the company's systems take the account's events, and the callbacks that are
// passed on to them.
func (a *Account) Webhooks(ctx context.Context) ([]Webhook, error) {
	all := []Webhook{}
	for _, w := range a.webhooks() {
		hook, behind, err := a.db.SeenWebhook(ctx, a.ID, w.Name, waitingMost)
		if err != nil {
			return nil, err
		}
		one := newWebhook(hook)
		one.Cursor, one.Behind = strconv.FormatInt(hook.Seq, 10), behind
		all = append(all, one)
	}
	for _, to := range a.relays() {
		hook, _, err := a.db.SeenWebhook(ctx, a.ID, to.name, 0)
		if err != nil {
			return nil, err
		}
		one := newWebhook(hook)
		if one.Behind, err = a.db.RelaysWaiting(ctx, a.ID, to.name, waitingMost); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// waitingMost is how many callbacks that wait, or rows of events, are counted.
const waitingMost = 100_000

func newWebhook(hook wxcast.Webhook) Webhook {
	one := Webhook{Name: hook.Name, State: "taking", TakenAt: known(hook.TakenAt),
		FailingSince: known(hook.FailingSince), Tries: hook.Tries, RetryAt: known(hook.RetryAt), Why: hook.Why,
		SetAsideAt: known(hook.SetAsideAt)}
	switch {
	case one.SetAsideAt != nil:
		one.State = "set_aside"
	case one.FailingSince != nil:
		one.State = "failing"
	}
	return one
}

// known is a time, or nil for none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// webhook is a configured system by its name.
func (a *Account) webhook(name string) (config.Webhook, error) {
	for _, w := range a.webhooks() {
		if w.Name == name {
			return w, nil
		}
	}
	return config.Webhook{}, notFound("webhook.none", "name", name)
}

// ResumeWebhook posts events again to a system that was set aside, or to another one, from
// behind a cursor; "" is from where it stopped, as it must be where callbacks are passed on.
func (a *Account) ResumeWebhook(ctx context.Context, name, after string) (Webhook, error) {
	return audited(ctx, a, "resume-webhook", name, func(e *entry) (out Webhook, err error) {
		passesOn := slices.ContainsFunc(a.relays(), func(to relayTo) bool { return to.name == name })
		if !passesOn {
			if _, err := a.webhook(name); err != nil {
				return out, err
			}
		}
		hook, err := a.db.Webhook(ctx, a.ID, name)
		if err != nil {
			return out, err
		}
		seq := hook.Seq
		switch {
		case passesOn && after != "":
			return out, &wxcast.BadInput{Key: "after", Problem: wxcast.Say("webhook.no_replay"),
				Want: wxcast.Say("webhook.want_no_after")}
		case !passesOn:
			if seq, err = a.resumeAfter(ctx, seq, after); err != nil {
				return out, err
			}
			e.about("%s after %d", name, seq)
		}
		if err := a.db.ResumeWebhook(ctx, a.ID, name, seq); err != nil {
			return out, err
		}
		for _, key := range []string{"webhook:" + name, "webhook:" + name + ":aside"} {
			a.recovered(ctx, key)
		}
		all, err := a.Webhooks(ctx)
		i := slices.IndexFunc(all, func(w Webhook) bool { return w.Name == name })
		if err != nil || i < 0 {
			return out, err
		}
		return all[i], nil
	})
}

// resumeAfter is the event after which a system goes on.
func (a *Account) resumeAfter(ctx context.Context, seq int64, after string) (int64, error) {
	if after != "" {
		var err error
		if seq, _, err = (EventQuery{After: after}).parse(); err != nil {
			return 0, err
		}
	}
	_, _, err := a.db.Events(ctx, a.ID, seq, []string{}, 1)
	return seq, gone(err)
}

// TestWebhook posts an event of no meaning to a system, and returns how long that took. Why it
// was not taken is the error.
func (a *Account) TestWebhook(ctx context.Context, name string) (WebhookTest, error) {
	return audited(ctx, a, "test-webhook", name, func(*entry) (out WebhookTest, err error) {
		w, err := a.webhook(name)
		if err != nil {
			return out, err
		}
		e := Event{Cursor: "0", Type: "webhook.test", At: a.db.Now().UTC().Truncate(time.Millisecond),
			Account: a.Name(), Data: json.RawMessage(`{}`)}
		body, contentType := encodeEvent(e), "application/json"
		if w.Lines {
			body, contentType = append(body, '\n'), "application/jsonl"
		}
		begun := time.Now()
		id := fmt.Sprintf("evt_%s_test_%d", a.Name(), begun.UnixMilli())
		client := webhook.NewClient(a.cfg.Webhooks.AllowPrivate)
		err = webhook.Post(ctx, client, endpoint(w), id, a.db.Now(), contentType, body)
		if err != nil {
			return out, conflict("webhook.not_taken", "name", name, "why", err)
		}
		return WebhookTest{Name: name, OK: true, Milliseconds: time.Since(begun).Milliseconds()}, nil
	})
}

// WebhookTest is what became of a test.
type WebhookTest struct {
	Name         string `json:"name"`
	OK           bool   `json:"ok"`
	Milliseconds int64  `json:"milliseconds"`
}
