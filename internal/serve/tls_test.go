package serve_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/serve"
	"github.com/wxcast/wxcast/internal/text"
)

func TestTheProgramHoldsItsOwnCertificate(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		cfg := *b.cfg
		var pool = &tls.Config{}
		cfg.Serve.TLS.CertFile, cfg.Serve.TLS.KeyFile, pool.RootCAs = serve.WriteCertificate(t, t.TempDir(), 1)
		b.start(t, &cfg, slog.New(slog.DiscardHandler))
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: pool}}
		resp, err := client.Get(strings.Replace(b.base, "http://", "https://", 1) + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Strict-Transport-Security") == "" ||
			resp.TLS.Version < tls.VersionTLS12 {
			t.Errorf("%d %v %v", resp.StatusCode, resp.Header, resp.TLS)
		}
		old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool.RootCAs,
			MaxVersion: tls.VersionTLS11}}}
		if resp, err := old.Get(strings.Replace(b.base, "http://", "https://", 1) + "/readyz"); err == nil {
			_ = resp.Body.Close()
			t.Error("TLS 1.1 is spoken")
		}
	})
}

func TestMistakesOfServeAreTold(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for want, change := range map[string]func(*config.Serve){
			"serve.tls: cannot be used": func(s *config.Serve) {
				s.TLS = config.TLS{CertFile: "no.crt", KeyFile: "no.key"}
			},
			"serve.session_key: can be guessed": func(s *config.Serve) {
				s.SessionKey = config.Secret(strings.Repeat("secret", 8))
			},
		} {
			cfg := *b.cfg
			change(&cfg.Serve)
			p, err := serve.Open(t.Context(), serve.Options{Config: &cfg, Lang: text.English,
				Log: slog.New(slog.DiscardHandler)})
			if err == nil {
				p.Close()
			}
			var bad *config.Error
			if !errors.As(err, &bad) || !strings.Contains(text.English.Error(err, text.CLI, nil), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
	})
}

// While WeChat changes to a new EncodingAESKey, callbacks sealed with either are taken.
func TestCallbacksOfTheOldKeyAreTaken(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		cfg := *b.cfg
		cfg.Accounts = slices.Clone(b.cfg.Accounts)
		cfg.Accounts[0].OldEncodingAESKey = cfg.Accounts[0].EncodingAESKey
		cfg.Accounts[0].EncodingAESKey = config.Secret(strings.Repeat("B", 43))
		b.start(t, &cfg, slog.New(slog.DiscardHandler))
		openid, _ := b.sim.FollowerIDs(3)
		if status, answer := b.postSealed(t, b.keys, message(openid, "你好", 1)); status != http.StatusOK {
			t.Errorf("sealed with the old key: %d %s", status, answer)
		}
		cfg.Accounts[0].OldEncodingAESKey = ""
		b.start(t, &cfg, slog.New(slog.DiscardHandler))
		if status, _ := b.postSealed(t, b.keys, message(openid, "你好", 2)); status == http.StatusOK {
			t.Error("a key that is configured no more is taken")
		}
	})
}
