package serve_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/serve"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
	followersync "github.com/wxcast/wxcast/sync"
)

// bench is a simulated account whose callbacks go to a wxcast serve in this process.
type bench struct {
	unused  net.Conn
	sim     *simulator.Server
	db      *store.DB
	account int64
	mini    int64
	keys    wechat.CallbackKeys
	base    string // of our server
	cfg     *config.Config
}

const configuration = `
accounts:
  shop:
    appid: %[1]s
    secret: %[2]s
    token: %[3]s
    encoding_aes_key: %[4]s
    only_sender: true
    mini_programs:
      - {appid: %[5]s, secret: %[6]s}
serve:
  listen: 127.0.0.1:0
  session_key: %[7]s
  forwarded_for: true
  callback_mode: %[10]s
  stop_words: [退订, TD]
  stop_reply: 已退订。
  sync_at: "off"
  report_at: "off"
  quota_at: "off"
  housekeeping_at: "off"
database: {url: "%[8]s"}
api_base: %[9]s
`

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	eachIn(t, "", test)
}

// eachIn is each with another callback mode than compatible.
func eachIn(t *testing.T, mode string, test func(t *testing.T, b *bench)) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := &bench{sim: simulator.New(simulator.Options{Followers: 200, Seed: 41,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})}
		platform := httptest.NewServer(b.sim)
		t.Cleanup(platform.Close)
		t.Cleanup(b.sim.Close)
		file := filepath.Join(t.TempDir(), "wxcast.yaml")
		yaml := fmt.Sprintf(configuration, b.sim.AppID, b.sim.Secret, b.sim.Token, b.sim.EncodingAESKey,
			b.sim.MiniAppID, b.sim.MiniSecret, sessionKey, url, platform.URL, cmp.Or(mode, "compatible"))
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(config.Sources{File: file, Env: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
		b.cfg = cfg
		b.start(t, cfg, log)
		if b.db, err = store.Open(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.db.Close() })
		b.follow(t, platform.URL, log)
		b.sim.SetKnobs(func(k *simulator.Knobs) {
			k.CallbackURL, k.CallbackMode = b.base+"/wechat/shop", "safe"
			k.ReceiptDelay = simulator.Duration(10 * time.Millisecond)
		})
		test(t, b)
	})
}

// start runs the program until the test ends.
func (b *bench) start(t *testing.T, cfg *config.Config, log *slog.Logger) {
	t.Helper()
	p, err := serve.Open(t.Context(), serve.Options{Config: cfg, Version: "test", Lang: text.English, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the program did not end well: %v", err)
		}
		if b.unused != nil {
			_ = b.unused.Close()
		}
		p.Close()
	})
	b.base = "http://" + p.Address().String()
}

// follow brings the simulated followers into the store.
func (b *bench) follow(t *testing.T, platform string, log *slog.Logger) {
	t.Helper()
	var err error
	if b.account, err = b.db.EnsureApp(t.Context(), wxcast.AppID(b.sim.AppID), wxcast.KindOfficialAccount); err != nil {
		t.Fatal(err)
	}
	if b.mini, err = b.db.EnsureApp(t.Context(), wxcast.AppID(b.sim.MiniAppID), wxcast.KindMiniProgram); err != nil {
		t.Fatal(err)
	}
	client := wechat.New(wechat.Options{AppID: wxcast.AppID(b.sim.AppID), Secret: config.Secret(b.sim.Secret),
		Bases: []string{platform}, Timeout: 5 * time.Second, Conns: 4, Tokens: b.db})
	t.Cleanup(client.Close)
	if _, err := followersync.Run(t.Context(), client, b.db,
		followersync.Options{AccountID: b.account, Mode: wxcast.SyncIncremental, Concurrency: 4, Rate: 1e5,
			ResumeWithin: time.Hour, Log: log}); err != nil {
		t.Fatal(err)
	}
	b.keys = wechat.CallbackKeys{AppID: wxcast.AppID(b.sim.AppID), Token: config.Secret(b.sim.Token),
		AESKeys: []interface{ Reveal() string }{config.Secret(b.sim.EncodingAESKey)}}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// eventually waits for what events bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 seconds: %s", what)
		}
	}
}

func (b *bench) follower(t *testing.T, openid string) wxcast.FollowerRecord {
	t.Helper()
	person, err := b.db.Person(t.Context(), b.account, nil, openid)
	if err != nil {
		t.Fatal(err)
	}
	if len(person.Followers) == 0 {
		return wxcast.FollowerRecord{}
	}
	return person.Followers[0]
}
