package account

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/broadcast/values"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Template is one of WeChat's, as a person picks it.
type Template struct {
	Channel string            `json:"channel"`
	AppID   wxcast.AppID      `json:"appid"` // whose it is
	ID      string            `json:"template_id"`
	Title   string            `json:"title"`
	Content string            `json:"content"`
	Kind    wxcast.PermitKind `json:"kind,omitempty"` // what a consent to it allows
	Fields  []TemplateField   `json:"fields"`
	Spec    string            `json:"spec"` // one to begin with, in YAML, with samples for the values
}

// TemplateField is a value that a template asks for.
type TemplateField struct {
	Key     string   `json:"key"`               // such as "thing1"
	Label   string   `json:"label"`             // as it stands before the value on the phone
	Most    int      `json:"most,omitempty"`    // characters, as WeChat counts them; 0 where length is not the rule
	Allowed []string `json:"allowed,omitempty"` // the only values that it takes
}

// Templates are those of the account and of its mini programs, as WeChat tells them now.
func (a *Account) Templates(ctx context.Context) (all []Template, err error) {
	if err := a.needCalls(); err != nil {
		return nil, err
	}
	own, err := listOf(ctx, &a.lists, template.Name, a.client.ListTemplates)
	if err != nil {
		return nil, fmt.Errorf("ask WeChat for the account's templates: %w", err)
	}
	for _, t := range own {
		all = append(all, newTemplate(template.Name, a.Config.AppID, t, nil, values.OfTemplates))
	}
	notices, err := listOf(ctx, &a.lists, a.client, a.client.ListSubscribeTemplates)
	if err != nil && wechat.CodeOf(err) == 0 { // an account that has no such templates may not ask
		return nil, fmt.Errorf("ask WeChat for the account's templates of subscription notices: %w", err)
	}
	for _, t := range notices {
		one := newTemplate(notice.Name, a.Config.AppID, t.Template, t.Enums, values.OfSubscribe)
		one.Kind = t.Kind
		all = append(all, one)
	}
	for _, mini := range a.Config.MiniPrograms {
		if mini.Secret == "" {
			continue
		}
		client, err := a.miniClient(mini)
		if err != nil {
			return nil, err
		}
		consents, err := listOf(ctx, &a.lists, client, client.ListSubscribeTemplates)
		if err != nil {
			return nil, fmt.Errorf("ask WeChat for the templates of %s: %w", mini.AppID, err)
		}
		for _, t := range consents {
			one := newTemplate(subscribe.Name, mini.AppID, t.Template, t.Enums, values.OfSubscribe)
			one.Kind = t.Kind
			all = append(all, one)
		}
	}
	for i, t := range all {
		all[i].Spec = a.firstSpec(t, a.db.Now())
	}
	return all, nil
}

// labelled is a line of a template's content: what stands before a value, and its key.
var labelled = regexp.MustCompile(`([^\n{}：:]*)[：:]?\s*\{\{\s*([A-Za-z0-9_]+)\.DATA\s*\}\}`)

func newTemplate(channel, appid string, t wechat.Template, enums map[string][]string, rules values.Rules) Template {
	out := Template{Channel: channel, AppID: wxcast.AppID(appid), ID: t.ID, Title: t.Title, Content: t.Content,
		Fields: []TemplateField{}}
	labels := map[string]string{}
	for _, m := range labelled.FindAllStringSubmatch(t.Content, -1) {
		labels[m[2]] = strings.TrimSpace(m[1])
	}
	for _, key := range t.Keys {
		out.Fields = append(out.Fields, TemplateField{Key: key, Label: labels[key], Most: rules.LengthMax(key),
			Allowed: enums[key]})
	}
	return out
}

// listKept is how long a list of WeChat's templates is taken to be as it was: a call that asks for
// many kinds of messages would have WeChat asked for each.
const listKept = 5 * time.Second

// templateLists are those that were read lately, by the client that reads them.
type templateLists struct {
	turn *semaphore.Weighted // of whoever reads; nobody waits for it for longer than they may
	of   map[any]templateList
}

type templateList struct {
	all any // a slice of the client's kind of templates
	at  time.Time
}

// listOf is a list of templates, which ask reads; one reads at a time.
func listOf[T any](ctx context.Context, l *templateLists, key any, ask func(context.Context) ([]T, error)) ([]T,
	error) {
	if err := l.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer l.turn.Release(1)
	if known, ok := l.of[key]; ok && time.Since(known.at) < listKept {
		return known.all.([]T), nil
	}
	all, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	if l.of == nil {
		l.of = map[any]templateList{}
	}
	l.of[key] = templateList{all, time.Now()}
	return all, nil
}
