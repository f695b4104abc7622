package account

import (
	"maps"
	"slices"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/webhook"
)

// relayTo is a system that gets an app's callbacks, and the name of what waits for it.
type relayTo struct {
	name string
	url  config.Secret
}

// RelayName is what waits for a system is called: that of the account's own callbacks, or of a
// mini program's.
func RelayName(miniAppID, name string) string {
	if miniAppID != "" {
		name = miniAppID + ":" + name
	}
	return "relay:" + name
}

// PrimaryName is the name of the system that answers WeChat, beside those of the others.
const PrimaryName = "primary"

// relays are the systems that get the callbacks of the account and of its mini programs.
func (a *Account) relays() (all []relayTo) {
	add := func(miniAppID string, r config.Relay) {
		if r.Primary != "" {
			all = append(all, relayTo{RelayName(miniAppID, PrimaryName), r.Primary})
		}
		for _, name := range slices.Sorted(maps.Keys(r.Others)) {
			all = append(all, relayTo{RelayName(miniAppID, name), r.Others[name]})
		}
	}
	add("", a.Config.Relay)
	for _, m := range a.Config.MiniPrograms {
		add(m.AppID, m.Relay)
	}
	return all
}

// Relays pass callbacks on to the company's systems: those that the primary did not take at
// once, and all to the others.
func (a *Account) Relays(worker string) (all []*webhook.Relay) {
	client := webhook.NewRelayClient()
	for _, to := range a.relays() {
		all = append(all, &webhook.Relay{Store: a.db, Client: client, URL: to.url.Reveal(),
			Line: webhook.Line{AccountID: a.ID, Account: a.Name(), Name: to.name, Worker: worker, Log: a.log}})
	}
	return all
}
