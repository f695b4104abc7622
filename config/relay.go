package config

import (
	"maps"
	"net/url"
	"slices"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Relay is who gets an app's callbacks besides wxcast.
type Relay struct {
	Primary Secret            // its address: its answer is WeChat's; "" for nobody
	Others  map[string]Secret // by name, their addresses: they get them later
	// CustomerService are the words of messages that go to WeChat's own customer service; "*"
	// for all messages.
	CustomerService []string
}

var relayKeys = []string{"primary", "primary_file", "others", "customer_service"}

func readRelay(key string, raw any, bad *mistakes) (r Relay) {
	if raw == nil {
		return r
	}
	fields, ok := raw.(map[string]any)
	if !ok {
		bad.add(key, "", wxcast.Say("config.no_settings"), wxcast.Say("config.want_relay"))
		return r
	}
	onlyKnown(key, fields, relayKeys, bad)
	r.Primary = secretOrFile(key, "primary", fields, bad)
	checkRelayURL(key+".primary", r.Primary, bad)
	others, ok := fields["others"].(map[string]any)
	if fields["others"] != nil && !ok {
		bad.add(key+".others", "", wxcast.Say("config.no_map"), wxcast.Say("config.want_others"))
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if !webhookName.MatchString(name) || name == "primary" {
			bad.add(key+".others", name, wxcast.Say("config.no_webhook_name"), wxcast.Say("config.want_account_name"))
		}
		if r.Others == nil {
			r.Others = map[string]Secret{}
		}
		r.Others[name] = Secret(text(others[name]))
		if r.Others[name] == "" {
			bad.add(key+".others."+name, "", wxcast.Say("config.no_url"), wxcast.Say("config.want_http"))
		}
		checkRelayURL(key+".others."+name, r.Others[name], bad)
	}
	if r.CustomerService = texts(fields["customer_service"]); slices.Contains(r.CustomerService, "all") {
		r.CustomerService = []string{"*"}
	}
	return r
}

func checkRelayURL(key string, address Secret, bad *mistakes) {
	u, err := url.Parse(address.Reveal())
	if address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		bad.add(key, "", wxcast.Say("config.no_url"), wxcast.Say("config.want_http"))
	}
}
