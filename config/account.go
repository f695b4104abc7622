package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"

	"github.com/wxcast/wxcast/internal/suggest"
)

var (
	accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	appID       = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	aesKey      = regexp.MustCompile(`^[A-Za-z0-9+/]{43}$`)
)

var (
	accountKeys     = []string{"appid", "secret", "secret_file", "token", "token_file", "encoding_aes_key", "encoding_aes_key_file", "token_api", "token_url", "token_url_file", "token_command", "mini_programs"}
	miniProgramKeys = []string{"appid", "secret", "secret_file"}
)

// readAccounts reads the accounts of the file, and the one of the environment:
// the latter is an account of its own, or completes the only one of the file.
func readAccounts(k *koanf.Koanf, getenv func(string) string, bad *mistakes) []Account {
	var accounts []Account
	if raw := k.Get("accounts"); raw != nil {
		byName, ok := raw.(map[string]any)
		if !ok {
			bad.add("accounts", text(raw), "is not a map of accounts", "write a name for each account, and its appid and secret below it")
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
			applyEnv(&accounts[0], env)
		default:
			bad.add("WXCAST_APPID", env["appid"], "and its like describe one account, and the file has several", "leave the variables out, or the accounts")
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
		bad.add(key, "", "is no name for an account", "use small letters, digits, - and _")
	}
	fields, ok := raw.(map[string]any)
	if !ok {
		bad.add(key, text(raw), "has no settings", "give it an appid and a secret")
		return a
	}
	onlyKnown(key, fields, accountKeys, bad)
	a.AppID = text(fields["appid"])
	a.Secret = secretOrFile(key, "secret", fields, bad)
	a.Token = secretOrFile(key, "token", fields, bad)
	a.EncodingAESKey = secretOrFile(key, "encoding_aes_key", fields, bad)
	a.AccessToken = AccessToken{API: text(fields["token_api"]), URL: secretOrFile(key, "token_url", fields, bad), Command: text(fields["token_command"])}
	minis, ok := fields["mini_programs"].([]any)
	if fields["mini_programs"] != nil && !ok {
		bad.add(key+".mini_programs", text(fields["mini_programs"]), "is not a list", "write each mini program as \"- appid: wx…\"")
	}
	for i, raw := range minis {
		key := fmt.Sprintf("%s.mini_programs[%d]", key, i)
		fields, ok := raw.(map[string]any)
		if !ok {
			bad.add(key, text(raw), "has no settings", "write it as \"- appid: wx…\"")
			continue
		}
		onlyKnown(key, fields, miniProgramKeys, bad)
		a.MiniPrograms = append(a.MiniPrograms, MiniProgram{AppID: text(fields["appid"]), Secret: secretOrFile(key, "secret", fields, bad)})
	}
	return a
}

func secretOrFile(key, name string, fields map[string]any, bad *mistakes) Secret {
	file := text(fields[name+"_file"])
	if file == "" {
		return Secret(text(fields[name]))
	}
	if text(fields[name]) != "" {
		bad.add(key+"."+name+"_file", file, "stands beside "+name, "set one of the two")
	}
	return Secret(readSecretFile(key+"."+name+"_file", file, bad))
}

func onlyKnown(key string, fields map[string]any, known []string, bad *mistakes) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			bad.add(key+"."+name, "", "is not a setting", suggest.For(name, known))
		}
	}
}

func applyEnv(a *Account, env map[string]string) {
	for key, value := range env {
		switch key {
		case "appid":
			a.AppID = value
		case "secret":
			a.Secret = Secret(value)
		case "token":
			a.Token = Secret(value)
		case "encoding_aes_key":
			a.EncodingAESKey = Secret(value)
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
	}
}

func checkAccount(a Account, bad *mistakes) {
	key := "accounts." + a.Name
	switch {
	case a.AppID == "":
		bad.add(key+".appid", "", "is missing", "set it, or WXCAST_APPID: it is in the account's console under 开发 → 基本配置")
	case !appID.MatchString(a.AppID):
		bad.add(key+".appid", a.AppID, "is no appid", "it looks like wx0123456789abcdef")
	}
	if a.EncodingAESKey != "" && !aesKey.MatchString(a.EncodingAESKey.Reveal()) {
		bad.add(key+".encoding_aes_key", "", fmt.Sprintf("has %d characters and is no EncodingAESKey", len(a.EncodingAESKey)), "copy its 43 letters and digits from the console")
	}
	switch a.AccessToken.API {
	case "", "stable_token", "token":
	default:
		bad.add(key+".token_api", a.AccessToken.API, "is no API for tokens", "write stable_token, or token if another program of yours depends on /cgi-bin/token")
	}
	if a.AccessToken.URL != "" {
		if a.AccessToken.Command != "" {
			bad.add(key+".token_command", a.AccessToken.Command, "stands beside token_url", "set one of the two")
		}
		if u := a.AccessToken.URL.Reveal(); !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			bad.add(key+".token_url", "", "is no web address", "it begins with https://")
		}
	}
	for i, m := range a.MiniPrograms {
		key := fmt.Sprintf("%s.mini_programs[%d].appid", key, i)
		switch {
		case m.AppID == "":
			bad.add(key, "", "is missing", "set it, or WXCAST_MINI_APPID")
		case !appID.MatchString(m.AppID):
			bad.add(key, m.AppID, "is no appid", "it looks like wx0123456789abcdef")
		}
	}
}

// Account returns the account of that name, or the only one when name is "".
func (c *Config) Account(name string) (Account, error) {
	if len(c.Accounts) == 0 {
		return Account{}, &Error{Key: "accounts", Problem: "no account is configured", Want: "set WXCAST_APPID and WXCAST_SECRET, or write accounts: in " + DefaultFile}
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
		return Account{}, &Error{Key: "--account", Problem: "is missing, and there are several accounts", Want: "name one of " + strings.Join(names, ", ")}
	}
	return Account{}, &Error{Key: "--account", Value: name, Problem: "is not configured", Want: "known are " + strings.Join(names, ", ")}
}

// CanCall tells whether the account can get an access token.
func (a Account) CanCall() bool {
	return a.Secret != "" || a.AccessToken.URL != "" || a.AccessToken.Command != ""
}

// NeedSecret tells what is missing for calls to WeChat in the account's name.
func (a Account) NeedSecret() error {
	if !a.CanCall() {
		return &Error{Key: "accounts." + a.Name + ".secret", Problem: "is missing", Want: "set WXCAST_SECRET, or WXCAST_SECRET_FILE to a file that holds it"}
	}
	return nil
}

// MiniProgram returns the mini program with that appid, or the only one when
// appid is "".
func (a Account) MiniProgram(appid string) (MiniProgram, error) {
	if len(a.MiniPrograms) == 0 {
		return MiniProgram{}, &Error{Key: "accounts." + a.Name + ".mini_programs", Problem: "is missing", Want: "set WXCAST_MINI_APPID, or list the account's mini programs"}
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
		return MiniProgram{}, &Error{Key: "mini program", Problem: "is not named, and account " + a.Name + " has several", Want: "name one of " + strings.Join(ids, ", ")}
	}
	return MiniProgram{}, &Error{Key: "mini program", Value: appid, Problem: "is not configured for account " + a.Name, Want: "known are " + strings.Join(ids, ", ")}
}
