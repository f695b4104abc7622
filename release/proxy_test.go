package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The proxies of deploy/proxy, as they are, in front of something that answers: who asks is told
// to it, live pages are not held back, uploads pass, and /metrics is not for the world.
func TestTheProxies(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, upstream string) (address string){
		"nginx": startNginx, "caddy": startCaddy} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				left(t, name+" is not here")
			}
			more := make(chan struct{})
			mux := http.NewServeMux()
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				n, _ := io.Copy(io.Discard, r.Body)
				_, _ = fmt.Fprintf(w, "%s %s %d", r.Host, r.Header.Get("X-Forwarded-For"), n)
			})
			mux.HandleFunc("/live", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, "data: 1\n\n")
				_ = http.NewResponseController(w).Flush()
				<-more
			})
			upstream := httptest.NewServer(mux)
			defer upstream.Close()
			defer close(more)
			address := start(t, strings.TrimPrefix(upstream.URL, "http://"))
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
				Timeout: 20 * time.Second}
			ask := func(method, path string, body io.Reader) (int, string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, address+path, body)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = "wxcast.example.com"
				r.Header.Set("X-Forwarded-For", "203.0.113.9") // of a stranger's own making
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = resp.Body.Close() }()
				if path == "/live" {
					first := make([]byte, 9)
					_, err := io.ReadFull(resp.Body, first)
					return resp.StatusCode, fmt.Sprint(string(first), err)
				}
				raw, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(raw)
			}
			deadline := time.Now().Add(20 * time.Second)
			for {
				c, err := net.Dial("tcp", address[strings.LastIndex(address, "/")+1:])
				if err == nil {
					_ = c.Close()
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("it does not begin")
				}
				time.Sleep(50 * time.Millisecond)
			}
			status, text := ask(http.MethodGet, "/sign-in", nil)
			if status != http.StatusOK || !strings.HasPrefix(text, "wxcast.example.com ") || !strings.HasSuffix(text, "127.0.0.1 0") {
				t.Errorf("%d %q: the last address is not the sender's", status, text)
			}
			if status, text := ask(http.MethodPost, "/wechat/shop?signature=x", strings.NewReader("<xml/>")); status != http.StatusOK ||
				!strings.HasSuffix(text, " 6") {
				t.Errorf("%d %q", status, text)
			}
			if status, text := ask(http.MethodPost, "/lists", strings.NewReader(strings.Repeat("x", 50<<20))); status != http.StatusOK ||
				!strings.HasSuffix(text, " 52428800") {
				t.Errorf("an upload: %d %.80q", status, text)
			}
			if status, text := ask(http.MethodGet, "/live", nil); status != http.StatusOK || text != "data: 1\n\n<nil>" {
				t.Errorf("a live page: %d %q", status, text)
			}
			if status, _ := ask(http.MethodGet, "/metrics", nil); status != http.StatusForbidden {
				t.Errorf("/metrics: %d", status)
			}
		})
	}
}

// free is an address where nobody listens.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// run runs a program until the test ends.
func run(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its own children
	cmd.WaitDelay = 10 * time.Second
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
}

// changed is a file of deploy/proxy with other names and addresses.
func changed(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	raw, err := os.ReadFile(deploy + "proxy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(raw), pairs[i]) {
			t.Fatalf("%s lacks %s", name, pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(raw))
}

func startNginx(t *testing.T, upstream string) string {
	dir, tls, plain := t.TempDir(), free(t), free(t)
	certificate(t, dir)
	conf := "worker_processes 1;\ndaemon off;\npid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n" +
		"client_body_temp_path " + dir + ";\nproxy_temp_path " + dir + ";\n" +
		changed(t, "nginx.conf", "server 127.0.0.1:8080", "server "+upstream, "listen 443 ssl", "listen "+tls+" ssl",
			"listen 80;", "listen "+plain+";", "/etc/ssl/wxcast.example.com.pem", dir+"/cert.pem",
			"/etc/ssl/private/wxcast.example.com.key", dir+"/key.pem") + "}\n"
	if os.Getuid() == 0 {
		conf = "user root;\n" + conf
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "nginx", "-p", dir, "-c", file)
	return "https://" + tls
}

func startCaddy(t *testing.T, upstream string) string {
	dir, plain := t.TempDir(), free(t)
	file := filepath.Join(dir, "Caddyfile")
	conf := "{\n\tadmin off\n}\n" + changed(t, "Caddyfile", "wxcast.example.com {", "http://wxcast.example.com:"+
		plain[strings.LastIndex(plain, ":")+1:]+" {", "127.0.0.1:8080", upstream)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, []string{"XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}, "caddy", "run", "--config", file, "--adapter", "caddyfile")
	return "http://" + plain
}

// certificate writes a key and a certificate for a day.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"wxcast.example.com"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
