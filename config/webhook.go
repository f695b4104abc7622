package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Webhook is a system of the company's that is told what happens.
type Webhook struct {
	Name      string
	URL       Secret // it may hold a key
	Secret    Secret // whsec_ and base64: signs what it is told
	SecretOld Secret // the one before: signs, too
	// Accounts are the names of those whose events it is told of; none for all.
	Accounts []string
	Types    []string // of events; nil for all
	Lines    bool     // it takes many events in one post, as JSON Lines
}

// Webhooks are the company's systems that are told what happens.
type Webhooks struct {
	// AllowPrivate lets them be at addresses that are not of the internet.
	AllowPrivate bool
	Endpoints    []Webhook
}

var webhookKeys = []string{"name", "url", "url_file", "secret", "secret_file", "secret_old", "secret_old_file",
	"accounts", "types", "lines"}

var webhookName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// endpointsKey is where they stand in the file.
const endpointsKey = "webhooks.endpoints"

func readWebhooks(k *koanf.Koanf, cfg *Config, bad *mistakes) {
	raw := k.Get(endpointsKey)
	list, ok := raw.([]any)
	if raw != nil && !ok {
		bad.add(endpointsKey, "", wxcast.Say("config.no_list"), wxcast.Say("config.want_endpoints"))
	}
	for i, one := range list {
		key := fmt.Sprintf("%s[%d]", endpointsKey, i)
		fields, ok := one.(map[string]any)
		if !ok {
			bad.add(key, "", wxcast.Say("config.no_settings"), wxcast.Say("config.want_endpoints"))
			continue
		}
		onlyKnown(key, fields, webhookKeys, bad)
		w := Webhook{Name: text(fields["name"]), URL: secretOrFile(key, "url", fields, bad),
			Secret: secretOrFile(key, "secret", fields, bad), SecretOld: secretOrFile(key, "secret_old", fields, bad),
			Accounts: texts(fields["accounts"])}
		for _, pattern := range texts(fields["types"]) {
			of := wxcast.EventTypesOf(pattern)
			if of == nil {
				bad.add(key+".types", pattern, wxcast.Say("config.no_event_type"),
					suggest.For(pattern, wxcast.EventTypes))
			}
			w.Types = append(w.Types, of...)
		}
		if lines := text(fields["lines"]); lines != "" {
			var err error
			if w.Lines, err = parseBool(lines); err != nil {
				bad.add(key+".lines", lines, wxcast.Say("config.no_bool"), wxcast.Say("config.want_bool"))
			}
		}
		checkWebhook(key, w, cfg, bad)
		cfg.Webhooks.Endpoints = append(cfg.Webhooks.Endpoints, w)
	}
}

// texts is a list of a file, or one text.
func texts(raw any) (all []string) {
	for one := range strings.SplitSeq(text(raw), ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

func checkWebhook(key string, w Webhook, cfg *Config, bad *mistakes) {
	if !webhookName.MatchString(w.Name) {
		bad.add(key+".name", w.Name, wxcast.Say("config.no_webhook_name"), wxcast.Say("config.want_account_name"))
	}
	if slices.ContainsFunc(cfg.Webhooks.Endpoints, func(o Webhook) bool { return o.Name == w.Name }) {
		bad.add(key+".name", w.Name, wxcast.Say("config.twice"), wxcast.Say("config.want_own_name"))
	}
	u, err := url.Parse(w.URL.Reveal())
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && cfg.Webhooks.AllowPrivate)
	if !secure || u.Host == "" {
		bad.add(key+".url", "", wxcast.Say("config.no_url"), wxcast.Say("config.want_webhook_url"))
	}
	for _, one := range []struct {
		name   string
		secret Secret
		needed bool
	}{{"secret", w.Secret, true}, {"secret_old", w.SecretOld, false}} {
		if one.secret == "" && !one.needed {
			continue
		}
		base, ok := strings.CutPrefix(one.secret.Reveal(), "whsec_")
		raw, err := base64.StdEncoding.DecodeString(base)
		if !ok || err != nil || len(raw) < 24 || len(raw) > 64 {
			bad.add(key+"."+one.name, "", wxcast.Say("config.no_webhook_secret"),
				wxcast.Say("config.want_webhook_secret"))
		}
	}
	var known []string
	for _, a := range cfg.Accounts {
		known = append(known, a.Name)
	}
	for _, name := range w.Accounts {
		if !slices.Contains(known, name) {
			bad.add(key+".accounts", name, wxcast.Say("config.not_configured"),
				wxcast.Say("config.known", "known", known))
		}
	}
}
