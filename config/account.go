package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var (
	accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	appID       = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	aesKey      = regexp.MustCompile(`^[A-Za-z0-9+/]{43}$`)
)

var (
	accountKeys = []string{"appid", "secret", "secret_file", "token", "token_file", "encoding_aes_key",
		"encoding_aes_key_file", "encoding_aes_key_old", "encoding_aes_key_old_file",
		"token_api", "token_url", "token_url_file", "token_command", "only_sender",
		"relay", "mini_programs"}
	miniProgramKeys = []string{"appid", "secret", "secret_file", "token", "token_file", "encoding_aes_key",
		"encoding_aes_key_file", "encoding_aes_key_old", "encoding_aes_key_old_file", "relay"}
)

// readAccounts reads the accounts of the file, and the one of the environment:
// the latter is an account of its own, or completes the only one of the file.
func readAccounts(k *koanf.Koanf, getenv func(string) string, bad *mistakes) []Account {
	var accounts []Account
	if raw := k.Get("accounts"); raw != nil {
		byName, ok := raw.(map[string]any)
		if !ok {
			bad.add("accounts", "", wxcast.Say("config.no_map"), wxcast.Say("config.want_accounts"))
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			accounts = append(accounts, readAccount(name, byName[name], bad))
		}
	}

	env := map[string]string{}
	for _, v := range accountEnv {
		if value := fromEnv(getenv, v.env, bad); value != "" {
			env[v.key] = value
		}
	}
	if len(env) > 0 {
		switch len(accounts) {
		case 0:
			accounts = append(accounts, Account{Name: defaultAccount})
			fallthrough
		case 1:
			applyEnv(&accounts[0], env, bad)
		default:
			bad.add("WXCAST_APPID", env["appid"], wxcast.Say("config.env_of_one"), wxcast.Say("config.want_one_source"))
		}
	}
	for _, a := range accounts {
		checkAccount(a, bad)
	}
	return accounts
}

func readAccount(name string, raw any, bad *mistakes) Account {
	key := "accounts." + name
	a := Account{Name: name}
	if !accountName.MatchString(name) {
		bad.add(key, "", wxcast.Say("config.no_account_name"), wxcast.Say("config.want_account_name"))
	}
	fields, ok := raw.(map[string]any)
	if !ok {
		bad.add(key, "", wxcast.Say("config.no_settings"), wxcast.Say("config.want_appid_secret"))
		return a
	}
	onlyKnown(key, fields, accountKeys, bad)
	a.AppID = text(fields["appid"])
	a.Secret = secretOrFile(key, "secret", fields, bad)
	a.Token = secretOrFile(key, "token", fields, bad)
	a.EncodingAESKey = secretOrFile(key, "encoding_aes_key", fields, bad)
	a.OldEncodingAESKey = secretOrFile(key, "encoding_aes_key_old", fields, bad)
	a.AccessToken = AccessToken{API: text(fields["token_api"]), URL: secretOrFile(key, "token_url", fields, bad),
		Command: text(fields["token_command"])}
	readOnlySender(key+".only_sender", fields["only_sender"], &a, bad)
	a.Relay = readRelay(key+".relay", fields["relay"], bad)
	minis, ok := fields["mini_programs"].([]any)
	if fields["mini_programs"] != nil && !ok {
		bad.add(key+".mini_programs", "", wxcast.Say("config.no_list"),
			wxcast.Say("config.want_mini_list"))
	}
	for i, raw := range minis {
		key := fmt.Sprintf("%s.mini_programs[%d]", key, i)
		fields, ok := raw.(map[string]any)
		if !ok {
			bad.add(key, "", wxcast.Say("config.no_settings"), wxcast.Say("config.want_mini"))
			continue
		}
		onlyKnown(key, fields, miniProgramKeys, bad)
		a.MiniPrograms = append(a.MiniPrograms, MiniProgram{AppID: text(fields["appid"]),
			Secret: secretOrFile(key, "secret", fields, bad), Token: secretOrFile(key, "token", fields, bad),
			EncodingAESKey:    secretOrFile(key, "encoding_aes_key", fields, bad),
			OldEncodingAESKey: secretOrFile(key, "encoding_aes_key_old", fields, bad),
			Relay:             readRelay(key+".relay", fields["relay"], bad)})
	}
	return a
}

// readOnlySender reads whether wxcast alone sends for the account.
func readOnlySender(key string, raw any, a *Account, bad *mistakes) {
	if raw == nil {
		return
	}
	yes, err := parseBool(text(raw))
	if err != nil {
		bad.add(key, text(raw), wxcast.Say("config.no_bool"), wxcast.Say("config.want_bool"))
	}
	a.OnlySender = yes
}

func secretOrFile(key, name string, fields map[string]any, bad *mistakes) Secret {
	file := text(fields[name+"_file"])
	if file == "" {
		value := strings.TrimSpace(text(fields[name]))
		if !sane(key+"."+name, value, bad) {
			return ""
		}
		return Secret(value)
	}
	if text(fields[name]) != "" {
		bad.add(key+"."+name+"_file", file, wxcast.Say("config.beside", "name", name), wxcast.Say("config.want_one"))
	}
	return Secret(readSecretFile(key+"."+name+"_file", file, bad))
}

func onlyKnown(key string, fields map[string]any, known []string, bad *mistakes) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			bad.add(key+"."+name, "", wxcast.Say("config.no_setting"), suggest.For(name, known))
		}
	}
}

func applyEnv(a *Account, env map[string]string, bad *mistakes) {
	for key, value := range env {
		switch key {
		case "only_sender":
			readOnlySender("WXCAST_ONLY_SENDER", value, a, bad)
		case "appid":
			a.AppID = value
		case "secret":
			a.Secret = Secret(value)
		case "token":
			a.Token = Secret(value)
		case "encoding_aes_key":
			a.EncodingAESKey = Secret(value)
		case "encoding_aes_key_old":
			a.OldEncodingAESKey = Secret(value)
		case "token_api":
			a.AccessToken.API = value
		case "token_url":
			a.AccessToken.URL = Secret(value)
		case "token_command":
			a.AccessToken.Command = value
		}
	}
	if env["mini_appid"] != "" && len(a.MiniPrograms) == 0 {
		a.MiniPrograms = []MiniProgram{{}}
	}
	if len(a.MiniPrograms) > 0 {
		if v := env["mini_appid"]; v != "" {
			a.MiniPrograms[0].AppID = v
		}
		if v := env["mini_secret"]; v != "" {
			a.MiniPrograms[0].Secret = Secret(v)
		}
		if v := env["mini_token"]; v != "" {
			a.MiniPrograms[0].Token = Secret(v)
		}
		if v := env["mini_encoding_aes_key"]; v != "" {
			a.MiniPrograms[0].EncodingAESKey = Secret(v)
		}
	}
}

func checkAccount(a Account, bad *mistakes) {
	key := "accounts." + a.Name
	switch {
	case a.AppID == "":
		bad.add(key+".appid", "", wxcast.Say("config.missing"), wxcast.Say("config.want_appid"))
	case !appID.MatchString(a.AppID):
		bad.add(key+".appid", a.AppID, wxcast.Say("config.no_appid"), wxcast.Say("config.want_appid_form"))
	}
	checkAESKeys(key, a.EncodingAESKey, a.OldEncodingAESKey, bad)
	switch a.AccessToken.API {
	case "", "stable_token", "token":
	default:
		bad.add(key+".token_api", a.AccessToken.API, wxcast.Say("config.no_token_api"),
			wxcast.Say("config.want_token_api"))
	}
	if a.AccessToken.URL != "" {
		if a.AccessToken.Command != "" {
			bad.add(key+".token_command", a.AccessToken.Command, wxcast.Say("config.beside", "name", "token_url"),
				wxcast.Say("config.want_one"))
		}
		if u := a.AccessToken.URL.Reveal(); !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			bad.add(key+".token_url", "", wxcast.Say("config.no_url"), wxcast.Say("config.want_https"))
		}
	}
	for i, m := range a.MiniPrograms {
		checkAESKeys(fmt.Sprintf("%s.mini_programs[%d]", key, i), m.EncodingAESKey, m.OldEncodingAESKey, bad)
		key := fmt.Sprintf("%s.mini_programs[%d].appid", key, i)
		switch {
		case m.AppID == "":
			bad.add(key, "", wxcast.Say("config.missing"), wxcast.Say("config.want_mini_appid"))
		case !appID.MatchString(m.AppID):
			bad.add(key, m.AppID, wxcast.Say("config.no_appid"), wxcast.Say("config.want_appid_form"))
		}
	}
}

func checkAESKeys(key string, current, old Secret, bad *mistakes) {
	for _, one := range []struct {
		name   string
		secret Secret
	}{{"encoding_aes_key", current}, {"encoding_aes_key_old", old}} {
		if one.secret != "" && !aesKey.MatchString(one.secret.Reveal()) {
			bad.add(key+"."+one.name, "", wxcast.Say("config.no_aes_key", "n", len(one.secret)),
				wxcast.Say("config.want_aes_key"))
		}
	}
}

// Account returns the account of that name, or the only one when name is "".
func (c *Config) Account(name string) (Account, error) {
	if len(c.Accounts) == 0 {
		return Account{}, &Error{Key: "accounts", Problem: wxcast.Say("config.no_account"),
			Want: wxcast.Say("config.want_account", "file", DefaultFile)}
	}
	if name == "" && len(c.Accounts) == 1 {
		return c.Accounts[0], nil
	}
	names := make([]string, len(c.Accounts))
	for i, a := range c.Accounts {
		if names[i] = a.Name; a.Name == name {
			return a, nil
		}
	}
	if name == "" {
		return Account{}, &Error{Key: "--account", Problem: wxcast.Say("config.which_account"),
			Want: wxcast.Say("config.want_name", "known", names)}
	}
	return Account{}, &Error{Key: "--account", Value: name, Problem: wxcast.Say("config.not_configured"),
		Want: wxcast.Say("config.known", "known", names)}
}

// CanCall tells whether the account can get an access token.
func (a Account) CanCall() bool {
	return a.Secret != "" || a.AccessToken.URL != "" || a.AccessToken.Command != ""
}

// NeedSecret tells what is missing for calls to WeChat in the account's name.
func (a Account) NeedSecret() error {
	if !a.CanCall() {
		return &Error{Key: "accounts." + a.Name + ".secret", Problem: wxcast.Say("config.missing"),
			Want: wxcast.Say("config.want_app_secret")}
	}
	return nil
}

// MiniProgram returns the mini program with that appid, or the only one when
// appid is "".
func (a Account) MiniProgram(appid string) (MiniProgram, error) {
	if len(a.MiniPrograms) == 0 {
		return MiniProgram{}, &Error{Key: "accounts." + a.Name + ".mini_programs",
			Problem: wxcast.Say("config.missing"), Want: wxcast.Say("config.want_minis")}
	}
	if appid == "" && len(a.MiniPrograms) == 1 {
		return a.MiniPrograms[0], nil
	}
	ids := make([]string, len(a.MiniPrograms))
	for i, m := range a.MiniPrograms {
		if ids[i] = m.AppID; m.AppID == appid {
			return m, nil
		}
	}
	if appid == "" {
		return MiniProgram{}, &Error{Key: "mini program", Problem: wxcast.Say("config.which_mini", "account", a.Name),
			Want: wxcast.Say("config.want_name", "known", ids)}
	}
	return MiniProgram{}, &Error{Key: "mini program", Value: appid,
		Problem: wxcast.Say("config.not_of_account", "account", a.Name), Want: wxcast.Say("config.known", "known", ids)}
}
