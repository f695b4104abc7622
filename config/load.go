package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// stopReply may have several lines: it is a text for people.
const stopReply = "serve.stop_reply"

// DefaultFile is read when it exists and no other file is named.
const DefaultFile = "wxcast.yaml"

// Sources is where a configuration comes from, weakest first: the defaults are
// built in.
type Sources struct {
	File  string              // "" reads DefaultFile if there is one
	Env   func(string) string // os.Getenv
	Flags map[string]string   // by key, such as "database.url"
}

// defaultAccount is the name of an account that the environment alone describes.
const defaultAccount = "default"

// accountEnv maps the environment variables that describe one account to its keys.
var accountEnv = []struct{ env, key string }{
	{"WXCAST_APPID", "appid"},
	{"WXCAST_SECRET", "secret"},
	{"WXCAST_TOKEN", "token"},
	{"WXCAST_ENCODING_AES_KEY", "encoding_aes_key"},
	{"WXCAST_ENCODING_AES_KEY_OLD", "encoding_aes_key_old"},
	{"WXCAST_TOKEN_API", "token_api"},
	{"WXCAST_TOKEN_URL", "token_url"},
	{"WXCAST_TOKEN_COMMAND", "token_command"},
	{"WXCAST_ONLY_SENDER", "only_sender"},
	{"WXCAST_MINI_APPID", "mini_appid"},
	{"WXCAST_MINI_SECRET", "mini_secret"},
	{"WXCAST_MINI_TOKEN", "mini_token"},
	{"WXCAST_MINI_ENCODING_AES_KEY", "mini_encoding_aes_key"},
}

// Load reads and checks the configuration. Its error joins all mistakes, each
// an *Error.
func Load(src Sources) (*Config, error) {
	var bad mistakes
	k := koanf.New(".")
	cfg := &Config{}
	loadDefaults(k)
	loadFile(k, cfg, src.File, &bad)
	loadEnv(k, src.Env, &bad)
	flags := map[string]any{}
	for key, value := range src.Flags {
		flags[key] = value
	}
	_ = k.Load(confmap.Provider(flags, "."), nil) // a map of ours cannot fail

	for _, key := range Keys {
		value := text(k.Get(key.Name))
		var err *Error
		if key.Name != stopReply && !sane(where(key, src), value, &bad) {
			continue
		}
		if errors.As(key.set(cfg, value), &err) {
			bad.add(where(key, src), value, err.Problem, err.Want)
		}
	}
	checkProxies(src.Env, &bad)
	checkSSO(cfg.Console, &bad)
	cfg.Accounts = readAccounts(k, src.Env, &bad)
	cfg.Notify = readRobots(k, src.Env, &bad)
	readWebhooks(k, cfg, &bad)
	checkUnknown(k, cfg.File, &bad)
	return cfg, bad.err()
}

func loadDefaults(k *koanf.Koanf) {
	defaults := map[string]any{}
	for _, key := range Keys {
		defaults[key.Name] = key.Default
	}
	_ = k.Load(confmap.Provider(defaults, "."), nil)
}

func loadFile(k *koanf.Koanf, cfg *Config, file string, bad *mistakes) {
	named := file != ""
	if !named {
		file = DefaultFile
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		if named || !os.IsNotExist(err) {
			bad.add("--config", file, wxcast.Say("config.unreadable_why", "why",
				strings.TrimPrefix(err.Error(), "open "+file+": ")), wxcast.Say("config.want_file"))
		}
		return
	}
	cfg.File = file
	if err := k.Load(rawbytes.Provider(raw), written{}); err != nil {
		bad.add(file, "", wxcast.Say("config.no_yaml", "why", strings.TrimPrefix(err.Error(), "yaml: ")),
			wxcast.Sentence{})
	}
}

func loadEnv(k *koanf.Koanf, getenv func(string) string, bad *mistakes) {
	values := map[string]any{}
	for _, key := range Keys {
		if v := fromEnv(getenv, key.Env(), bad); v != "" {
			values[key.Name] = v
		}
	}
	_ = k.Load(confmap.Provider(values, "."), nil)
}

// fromEnv reads a variable, or the file that the variable with _FILE names.
func fromEnv(getenv func(string) string, name string, bad *mistakes) string {
	value, file := strings.TrimSpace(getenv(name)), strings.TrimSpace(getenv(name+"_FILE"))
	if file == "" {
		if !sane(name, value, bad) {
			return ""
		}
		return value
	}
	if value != "" {
		bad.add(name+"_FILE", file, wxcast.Say("config.beside", "name", name), wxcast.Say("config.want_one"))
	}
	return readSecretFile(name+"_FILE", file, bad)
}

func readSecretFile(key, file string, bad *mistakes) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		bad.add(key, file, wxcast.Say("config.unreadable"), wxcast.Say("config.want_value_file"))
		return ""
	}
	value := strings.TrimSpace(strings.TrimPrefix(string(raw), "\uFEFF"))
	if !sane(key, value, bad) {
		return ""
	}
	return value
}

// sane refuses what nobody means: control characters, and quotes around a value, which a shell
// or a .env file has left there.
func sane(key, value string, bad *mistakes) bool {
	switch {
	case strings.ContainsFunc(value, unicode.IsControl):
		bad.add(key, "", wxcast.Say("config.control_character"), wxcast.Say("config.want_one_line"))
		return false
	case len(value) > 1 && strings.ContainsRune("'\"`", rune(value[0])) && value[0] == value[len(value)-1]:
		bad.add(key, "", wxcast.Say("config.quoted"), wxcast.Say("config.want_unquoted"))
		return false
	}
	return true
}

// where names the place that a value came from, for its error.
func where(key Key, src Sources) string {
	if _, ok := src.Flags[key.Name]; ok {
		return key.Name
	}
	if src.Env(key.Env()) != "" {
		return key.Env()
	}
	return key.Name
}

// text is a YAML value as it would stand in the environment.
func text(v any) string {
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, item := range list {
			parts[i] = fmt.Sprint(item)
		}
		return strings.Join(parts, ",")
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// checkProxies refuses a proxy that is none: Go would use none, and say nothing.
func checkProxies(getenv func(string) string, bad *mistakes) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		v := getenv(name)
		if v == "" {
			continue
		}
		if !strings.Contains(v, "://") {
			v = "http://" + v // HOST:PORT alone is one, too
		}
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
			bad.add(name, "", wxcast.Say("config.no_proxy"), wxcast.Say("config.want_proxy"))
		}
	}
}

// checkSSO tells what the company's own sign-in lacks.
func checkSSO(c Console, bad *mistakes) {
	if c.SSO.Provider == "" {
		if c.SSO.ClientID != "" || c.SSO.URL != "" {
			bad.add("console.sso.provider", "", wxcast.Say("config.missing"), wxcast.Say("config.want_provider"))
		}
		return
	}
	needed := map[string]string{"console.url": c.URL, "console.sso.client_id": c.SSO.ClientID,
		"console.sso.client_secret": c.SSO.ClientSecret.Reveal()}
	switch c.SSO.Provider {
	case ProviderOIDC:
		needed["console.sso.url"] = c.SSO.URL
	case ProviderWeCom:
		needed["console.sso.agent_id"] = c.SSO.AgentID
	}
	for _, key := range slices.Sorted(maps.Keys(needed)) {
		if needed[key] == "" {
			bad.add(key, "", wxcast.Say("config.missing"), wxcast.Say("config.want_for_sso", "provider", c.SSO.Provider))
		}
	}
	if len(c.SSO.Roles) == 0 {
		bad.add("console.sso.roles", "", wxcast.Say("config.missing"), wxcast.Say("config.want_group_roles"))
	}
}

func checkUnknown(k *koanf.Koanf, file string, bad *mistakes) {
	known := map[string]bool{}
	for _, key := range Keys {
		known[key.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(k.All())) {
		if known[name] || name == "notify" || name == endpointsKey || name == "accounts" ||
			strings.HasPrefix(name, "accounts.") {
			continue // accounts check their own keys
		}
		bad.add(file+": "+name, "", wxcast.Say("config.no_setting"),
			suggest.For(name, slices.Collect(maps.Keys(known))))
	}
}
