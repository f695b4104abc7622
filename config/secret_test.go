package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/text"
)

// planted stands where a secret would.
const planted = "S3CRET-planted"

// Whatever is wrong with a configuration, and wherever, no secret is in what is said of it.
func TestNoMistakeShowsASecret(t *testing.T) {
	account := func(lines string) string {
		return "accounts:\n  shop:\n    appid: wx1\n" + lines
	}
	for name, test := range map[string]struct {
		yaml string
		env  map[string]string
	}{
		"a password in a database's URL":   {yaml: "database: {url: \"mysql://u:" + planted + "@h/db\"}"},
		"a password with an @":             {yaml: "database: {url: \"postgre://u:p@" + planted + "@h/db\"}"},
		"a password behind the ?":          {yaml: "database: {url: \"mysql://h/db?password=" + planted + "\"}"},
		"no scheme":                        {env: map[string]string{"WXCAST_DATABASE_URL": "u:" + planted + "@h/db"}},
		"a secret where a file is named":   {yaml: account("    secret_file: " + planted)},
		"a secret in a variable for files": {env: map[string]string{"WXCAST_SECRET_FILE": planted, "WXCAST_APPID": "wx1"}},
		"both":                             {env: map[string]string{"WXCAST_TOKEN_FILE": "/" + planted, "WXCAST_TOKEN": planted}},
		"a token in quotes":                {env: map[string]string{"WXCAST_TOKEN": "'" + planted + "'", "WXCAST_APPID": "wx1"}},
		"a secret of two lines":            {yaml: account("    secret: |\n      " + planted + "\n      x\n")},
		"a header of token_command":        {yaml: account("    token_url: https://x\n    token_command: curl -H " + planted)},
		"a token_url that is none":         {yaml: account("    token_url: " + planted)},
		"an AES key that is none":          {yaml: account("    encoding_aes_key: " + planted)},
		"robots as a map":                  {yaml: "notify: {kind: wecom, url: " + planted + "}"},
		"robots as texts":                  {yaml: "notify: [" + planted + "]"},
		"a robot's URL that is none":       {yaml: "notify: [{kind: wecom, url: " + planted + "}]"},
		"a mail with a password":           {yaml: "notify: [{kind: email, url: \"smtps://a:" + planted + "@h?from=x&to=y\"}]"},
		"accounts as a list":               {yaml: "accounts: [{appid: wx1, secret: " + planted + "}]"},
		"an account as a text":             {yaml: "accounts: {shop: " + planted + "}"},
		"mini programs as a map":           {yaml: account("    mini_programs: {appid: wx2, secret: " + planted + "}")},
		"a mini program as a text":         {yaml: account("    mini_programs: [" + planted + "]")},
		"a secret as a list":               {yaml: account("    secret: [" + planted + "]\n    appid: '!'")},
		"an API base with a password":      {yaml: "api_base: \"ftp://u:" + planted + "@h\""},
		"YAML that is none":                {yaml: "accounts:\n  shop:\n    secret: \"" + planted + "\n"},
		"a key twice":                      {yaml: account("    secret: " + planted + "\n    secret: " + planted)},
		"a robot's URL in a variable":      {env: map[string]string{"WXCAST_NOTIFY_URL": planted, "WXCAST_NOTIFY_KIND": "wecom"}},
		"a session key in the wrong place": {env: map[string]string{"WXCAST_SERVE_SESSION_KEY": "\"" + planted + "\""}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "wxcast.yaml")
			if err := os.WriteFile(file, []byte(test.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := config.Load(config.Sources{File: file, Env: func(name string) string { return test.env[name] }})
			if err == nil {
				if name != "a secret as a list" {
					t.Error("it is taken")
				}
				return
			}
			for _, lang := range []text.Lang{text.English, text.Chinese} {
				if said := lang.Error(err, text.CLI, nil); strings.Contains(said, planted) {
					t.Errorf("it says %s", said)
				}
			}
			if strings.Contains(err.Error(), planted) {
				t.Errorf("the log would say %v", err)
			}
		})
	}
}

// A value is what stands there: YAML's own types would make another of it.
func TestValuesAreReadAsWritten(t *testing.T) {
	for _, secret := range []string{"0012345", "123456789012345678901234567890", "1e5", "0x1F", "yes", "1_000", "012", ".5",
		"2026-11-30", "~x", "12:30:45"} {
		file := filepath.Join(t.TempDir(), "wxcast.yaml")
		yaml := "accounts:\n  shop:\n    appid: wx1\n    secret: " + secret + "\n    token: " + secret + "\n"
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(config.Sources{File: file, Env: func(string) string { return "" }})
		if err != nil {
			t.Errorf("%s: %v", secret, err)
			continue
		}
		if a := cfg.Accounts[0]; a.Secret.Reveal() != secret || a.Token.Reveal() != secret {
			t.Errorf("%s is read as %s and %s", secret, a.Secret.Reveal(), a.Token.Reveal())
		}
	}
	cfg, err := config.Load(config.Sources{Env: func(name string) string {
		return map[string]string{"WXCAST_APPID": " wx1 ", "WXCAST_SECRET": " s\n"}[name]
	}})
	if err != nil || cfg.Accounts[0].Secret.Reveal() != "s" || cfg.Accounts[0].AppID != "wx1" {
		t.Errorf("blanks around a variable's value: %v", err)
	}
}

// A proxy that is none is told: Go would use none, and say nothing.
func TestAProxyThatIsNoneIsNamed(t *testing.T) {
	for proxy, good := range map[string]bool{"http://proxy.example:3128": true, "proxy.example:3128": true,
		"socks5://127.0.0.1:1080": true, "http://u:p@proxy.example:3128": true, "": true,
		"http://": false, "://x": false, "ftp://proxy.example": false, "http://pro xy:1": false} {
		for _, name := range []string{"HTTPS_PROXY", "http_proxy"} {
			_, err := config.Load(config.Sources{Env: func(n string) string {
				if n == name {
					return proxy
				}
				return ""
			}})
			if (err == nil) != good || err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, proxy, err)
			}
		}
	}
}
