package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/text"
)

func load(t *testing.T, yaml string, env, flags map[string]string) (*config.Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if yaml != "" {
		if err := os.WriteFile(config.DefaultFile, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(config.Sources{Env: func(name string) string { return env[name] }, Flags: flags})
}

func TestDefaultsAloneAreValid(t *testing.T) {
	cfg, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.DatabaseURL != "sqlite://wxcast.db" || cfg.Broadcast.Rate != 50 || cfg.Sync.MaxUnfollowShare != 0.2 ||
		len(cfg.APIBases) != 2 || cfg.APITimeout != 10*time.Second {
		t.Errorf("%+v", cfg)
	}
	if _, err := cfg.Account(""); err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil),
		"WXCAST_APPID") {
		t.Errorf("no account: %v", err)
	}
}

func TestFlagsBeatEnvironmentBeatsFileBeatsDefaults(t *testing.T) {
	yaml := "sync: {rate: 1, concurrency: 2}\nbroadcast: {rate: 3}\n"
	cfg, err := load(t, yaml, map[string]string{"WXCAST_SYNC_RATE": "4", "WXCAST_BROADCAST_RATE": "5"},
		map[string]string{"broadcast.rate": "6"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Sync.Concurrency != 2 || cfg.Sync.Rate != 4 || cfg.Broadcast.Rate != 6 || cfg.Broadcast.Concurrency != 100 {
		t.Errorf("%+v %+v", cfg.Sync, cfg.Broadcast)
	}
}

func TestAccountsFromFileAndEnvironment(t *testing.T) {
	several := "accounts:\n  shop: {appid: wx1, secret: s1, mini_programs: [{appid: mp1}, {appid: mp2}]}\n  club: {appid: wx2, secret: s2}\n"
	cfg, err := load(t, several, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := cfg.Account("shop"); err != nil || a.AppID != "wx1" || a.Secret.Reveal() != "s1" ||
		len(a.MiniPrograms) != 2 {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := cfg.Account(""); err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil),
		"club, shop") {
		t.Errorf("an account must be named: %v", err)
	}
	shop, _ := cfg.Account("shop")
	if _, err := shop.MiniProgram(""); err == nil ||
		!strings.Contains(text.English.Error(err, text.NoDoor, nil), "mp1, mp2") {
		t.Errorf("a mini program must be named: %v", err)
	}

	cfg, err = load(t, "", map[string]string{"WXCAST_APPID": "wx9", "WXCAST_SECRET": "s9", "WXCAST_MINI_APPID": "mp9"},
		nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := cfg.Account(""); err != nil || a.AppID != "wx9" || a.Secret.Reveal() != "s9" ||
		a.MiniPrograms[0].AppID != "mp9" {
		t.Errorf("%+v %v", a, err)
	}
}

func TestSecretsByFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := load(t, "", map[string]string{"WXCAST_APPID": "wx", "WXCAST_SECRET_FILE": file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Accounts[0].Secret.Reveal(); got != "from-file" {
		t.Errorf("got %q", got)
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	yaml := "sync: {rate: fast, concurency: 3}\naccounts:\n  shop: {secret: hush, encoding_aes_key: short, mini_programs: [{app: x}]}\n"
	_, err := load(t, yaml, map[string]string{"WXCAST_BROADCAST_RATE": "-1",
		"WXCAST_DATABASE_URL": "mysql://root:hunter2@db/x"}, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`sync.rate: "fast" is not a number from 0.01`,
		"sync.concurency: is not a setting; did you mean sync.concurrency?",
		`WXCAST_BROADCAST_RATE: "-1" is not a number`,
		`WXCAST_DATABASE_URL: "mysql://***@db/x" does not begin with`,
		"accounts.shop.appid: is missing",
		"accounts.shop.encoding_aes_key: has 5 characters",
		"accounts.shop.mini_programs[0].app: is not a setting; did you mean appid?",
	} {
		if !strings.Contains(text.English.Error(err, text.NoDoor, nil), want) {
			t.Errorf("not told: %s", want)
		}
	}
	for _, secret := range []string{"hush", "hunter2", "short\""} {
		if strings.Contains(text.English.Error(err, text.NoDoor, nil), secret) {
			t.Errorf("%q is in the error", secret)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestABrokenFileIsNamed(t *testing.T) {
	_, err := load(t, "sync: {rate: 1\nbroadcast", nil, nil)
	if err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil),
		"wxcast.yaml: is not valid YAML: line") {
		t.Errorf("%v", err)
	}
	_, err = config.Load(config.Sources{File: "nowhere.yaml", Env: func(string) string { return "" }})
	if err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil),
		`--config: "nowhere.yaml" cannot be read`) {
		t.Errorf("%v", err)
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	a := config.Account{Secret: "hush", Token: "hush", EncodingAESKey: "hush"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", a.Secret, "account", a)
	asJSON, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q", a, a, a, a.Secret, a.Secret) + log.String() + string(asJSON)
	if strings.Contains(all, "hush") {
		t.Error(all)
	}
}
