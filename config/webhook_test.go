package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const goodSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

func loadYAML(t *testing.T, yaml string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wxcast.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{File: file, Env: func(string) string { return "" }})
}

func TestWebhooksAndRelaysAreRead(t *testing.T) {
	cfg, err := loadYAML(t, `
accounts:
  shop:
    appid: wx1
    relay: {primary: "http://10.0.0.5/wechat?key=1", others: {crm: "https://crm.example.com"}, customer_service: all}
    mini_programs:
      - {appid: wx2, relay: {primary: "http://10.0.0.5/mini"}}
  other: {appid: wx3, relay: {customer_service: [人工, 客服]}}
webhooks:
  endpoints:
    - {name: crm, url: "https://crm.example.com/hook?key=1", secret: `+goodSecret+`, types: [message, follower.*], lines: true, accounts: shop}
    - {name: bi, url: "https://bi.example.com", secret: `+goodSecret+`, secret_old: `+goodSecret+`}
`)
	if err != nil {
		t.Fatal(err)
	}
	crm, bi := cfg.Webhooks.Endpoints[0], cfg.Webhooks.Endpoints[1]
	if cfg.Webhooks.AllowPrivate || crm.Name != "crm" || !crm.Lines || len(crm.Types) != 7 ||
		crm.Accounts[0] != "shop" ||
		crm.Secret != goodSecret || bi.Types != nil || bi.SecretOld != goodSecret || bi.Lines || bi.Accounts != nil {
		t.Errorf("%+v", cfg.Webhooks)
	}
	other, shop := cfg.Accounts[0].Relay, cfg.Accounts[1].Relay
	if shop.Primary != "http://10.0.0.5/wechat?key=1" || shop.Others["crm"] != "https://crm.example.com" ||
		!slices.Equal(shop.CustomerService, []string{"*"}) || !slices.Equal(other.CustomerService, []string{"人工",
		"客服"}) ||
		cfg.Accounts[1].MiniPrograms[0].Relay.Primary != "http://10.0.0.5/mini" {
		t.Errorf("%+v, %+v", shop, other)
	}
}

func TestMistakesOfWebhooksAndRelaysAreTold(t *testing.T) {
	endpoint := func(fields string) string { return "webhooks: {endpoints: [{" + fields + "}]}" }
	relay := func(fields string) string { return "accounts: {shop: {appid: wx1, relay: " + fields + "}}" }
	const good = "name: crm, url: 'https://c.example.com', secret: " + goodSecret
	for name, test := range map[string]struct{ yaml, want string }{
		"no list":        {"webhooks: {endpoints: {a: b}}", "webhooks.endpoints"},
		"a text":         {"webhooks: {endpoints: [a]}", "webhooks.endpoints[0]"},
		"an unknown key": {endpoint(good + ", typs: a"), "webhooks.endpoints[0].typs"},
		"no name":        {endpoint("url: 'https://c', secret: " + goodSecret), "webhooks.endpoints[0].name"},
		"a name of another kind": {endpoint("name: 'relay:x', url: 'https://c', secret: " + goodSecret),
			"webhooks.endpoints[0].name"},
		"a name twice": {"webhooks: {endpoints: [{" + good + "}, {" + good + "}]}",
			"webhooks.endpoints[1].name"},
		"http": {endpoint("name: crm, url: 'http://c', secret: " + goodSecret),
			"webhooks.endpoints[0].url"},
		"no secret": {endpoint("name: crm, url: 'https://c'"), "webhooks.endpoints[0].secret"},
		"a short secret": {endpoint("name: crm, url: 'https://c', secret: whsec_MDEy"),
			"webhooks.endpoints[0].secret"},
		"a secret of another form": {endpoint("name: crm, url: 'https://c', secret: 0123456789012345678901234567890123456789"), "webhooks.endpoints[0].secret"},
		"an unknown type":          {endpoint(good + ", types: [mesage.sent]"), "webhooks.endpoints[0].types"},
		"an unknown account":       {endpoint(good + ", accounts: [x]"), "webhooks.endpoints[0].accounts"},
		"lines":                    {endpoint(good + ", lines: maybe"), "webhooks.endpoints[0].lines"},
		"allow_private":            {"webhooks: {allow_private: maybe}", "webhooks.allow_private"},
		"a relay as a text":        {relay("'http://a'"), "accounts.shop.relay"},
		"an unknown key of relay":  {relay("{first: a}"), "accounts.shop.relay.first"},
		"a primary that is none":   {relay("{primary: a}"), "accounts.shop.relay.primary"},
		"others as a list":         {relay("{others: [a]}"), "accounts.shop.relay.others"},
		"another without address":  {relay("{others: {crm: ''}}"), "accounts.shop.relay.others.crm"},
		"another called primary":   {relay("{others: {primary: 'http://a'}}"), "accounts.shop.relay.others"},
	} {
		_, err := loadYAML(t, test.yaml)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want one at %s", name, err, test.want)
		} else if strings.Contains(err.Error(), goodSecret) || strings.Contains(err.Error(), "0123456789012") {
			t.Errorf("%s: the secret is in %v", name, err)
		}
	}
	if _, err := loadYAML(t,
		"webhooks: {allow_private: true, endpoints: [{name: crm, url: 'http://c', secret: "+goodSecret+"}]}"); err != nil {
		t.Errorf("http where it is allowed: %v", err)
	}
}
