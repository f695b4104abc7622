package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
)

// How much of a bare Go handler's throughput the simulator reaches for template
// messages: the same client, bodies and machine, in turns of a fifth of a second, so
// that both have the same weather. make bench-sim prints it.
func BenchmarkSendsBesideABareHandler(b *testing.B) {
	const clients = 64
	sim := simulator.New(simulator.Options{Followers: 1_000_000, Shares: everyone, Knobs: simulator.Knobs{
		DailyLimits: map[string]int64{"/cgi-bin/message/template/send": 1 << 40},
	}})
	defer sim.Close()
	simServer := httptest.NewServer(sim)
	defer simServer.Close()
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","msgid":3264439863978712345}`)
	}))
	defer bare.Close()

	a := &account{sim: sim, base: simServer.URL}
	token := benchToken(b, a)
	openids := benchOpenIDs(b, simServer.URL, token)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var next atomic.Int64
	turn := func(base string, length time.Duration) float64 {
		var done atomic.Int64
		var wg sync.WaitGroup
		started := time.Now()
		for range clients {
			wg.Go(func() {
				for time.Since(started) < length {
					n := next.Add(1)
					body := fmt.Appendf(nil, `{"touser":%q,"template_id":%q,"client_msg_id":"bench-%d","data":{"thing1":{"value":"上新提醒 %d"},"time2":{"value":"2026-11-30 10:00"}}}`,
						openids[n%int64(len(openids))], sim.TemplateID, n, n)
					resp, err := client.Post(base+"/cgi-bin/message/template/send?access_token="+token, "application/json", bytes.NewReader(body))
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					done.Add(1)
				}
			})
		}
		wg.Wait()
		return float64(done.Load()) / time.Since(started).Seconds()
	}
	turn(simServer.URL, 200*time.Millisecond) // connections
	turn(bare.URL, 200*time.Millisecond)
	var simRate, bareRate, turns float64
	for b.Loop() {
		simRate += turn(simServer.URL, 200*time.Millisecond)
		bareRate += turn(bare.URL, 200*time.Millisecond)
		turns++
	}
	b.ReportMetric(simRate/turns, "sim-sends/s")
	b.ReportMetric(bareRate/turns, "bare-sends/s")
	b.ReportMetric(simRate/bareRate, "ratio")
}

func benchToken(b *testing.B, a *account) string {
	b.Helper()
	resp, err := http.Post(a.base+"/cgi-bin/stable_token", "", bytes.NewReader(fmt.Appendf(nil, `{"grant_type":"client_credential","appid":%q,"secret":%q}`, a.sim.AppID, a.sim.Secret)))
	if err != nil {
		b.Fatal(err)
	}
	var out struct {
		AccessToken string `json:"access_token"`
	}
	decodeBody(b, resp, &out)
	return out.AccessToken
}

func benchOpenIDs(b *testing.B, base, token string) []string {
	b.Helper()
	resp, err := http.Get(base + "/cgi-bin/user/get?access_token=" + token)
	if err != nil {
		b.Fatal(err)
	}
	var out struct {
		Data struct {
			OpenID []string `json:"openid"`
		} `json:"data"`
	}
	decodeBody(b, resp, &out)
	return out.Data.OpenID
}

// A million followers are there at once, and ten million can be listed.
func BenchmarkListTenMillionFollowers(b *testing.B) {
	sim := simulator.New(simulator.Options{Followers: 10_000_000, Knobs: simulator.Knobs{DailyLimits: map[string]int64{"/cgi-bin/user/get": 1 << 40}}})
	defer sim.Close()
	server := httptest.NewServer(sim)
	defer server.Close()
	token := benchToken(b, &account{sim: sim, base: server.URL})
	for b.Loop() {
		listed, next := 0, ""
		for {
			resp, err := http.Get(server.URL + "/cgi-bin/user/get?access_token=" + token + "&next_openid=" + next)
			if err != nil {
				b.Fatal(err)
			}
			var page struct {
				Count      int    `json:"count"`
				NextOpenID string `json:"next_openid"`
			}
			decodeBody(b, resp, &page)
			if page.Count == 0 {
				break
			}
			listed, next = listed+page.Count, page.NextOpenID
		}
		if listed != 10_000_000 {
			b.Fatalf("listed %d", listed)
		}
	}
}

func decodeBody(b *testing.B, resp *http.Response, out any) {
	b.Helper()
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		b.Fatal(err)
	}
}
