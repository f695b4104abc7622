package serve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wxcast/wxcast/internal/login"
)

const sessionKey = "b0a6f1c94e7d2385a1f06cb7d9e2348f"

// login asks our server for a session, from an address.
func (b *bench) login(t *testing.T, from, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/login", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "1.2.3.4, "+from)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	return resp.StatusCode, string(text)
}

// someone is a mini user whose unionid a follower has.
func (b *bench) someone(t *testing.T, skip int) (miniOpenID string) {
	t.Helper()
	for u := range b.sim.MiniUsers() {
		if skip == 0 {
			return u.OpenID
		}
		skip--
	}
	t.Fatal("there are not so many")
	return ""
}

func TestALoginBridgesThePersonAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		who := b.someone(t, 3)
		code, ok := b.sim.NewLoginCode(who)
		if !ok {
			t.Fatal("no such person")
		}
		status, answer := b.login(t, "10.0.0.1", fmt.Sprintf(`{"code":%q}`, code))
		var got struct {
			Session   string `json:"session"`
			ExpiresIn int    `json:"expires_in"`
			Bridged   bool   `json:"bridged"`
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK || !got.Bridged ||
			got.ExpiresIn != 7200 {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		claims := jwt.RegisteredClaims{}
		if _, err := jwt.ParseWithClaims(got.Session, &claims, func(session *jwt.Token) (any, error) {
			if session.Header["kid"] != login.KeyID(sessionKey) {
				return nil, fmt.Errorf("its key is %v", session.Header["kid"])
			}
			return []byte(sessionKey), nil
		}, jwt.WithValidMethods([]string{"HS256"}),
			jwt.WithIssuer("wxcast"), jwt.WithAudience(b.sim.MiniAppID)); err != nil || claims.Subject != who {
			t.Errorf("%+v %v", claims, err)
		}
		if strings.Contains(answer, "session_key") {
			t.Errorf("the session key is out: %s", answer)
		}
		// The code is used up; a second login of the same person changes nothing.
		if status, answer := b.login(t, "10.0.0.1",
			fmt.Sprintf(`{"code":%q}`, code)); status != http.StatusUnauthorized ||
			!strings.Contains(answer, "call wx.login again") {
			t.Errorf("%d %s", status, answer)
		}
		again, _ := b.sim.NewLoginCode(who)
		if status, answer := b.login(t, "10.0.0.1",
			fmt.Sprintf(`{"code":%q,"appid":%q}`, again, b.sim.MiniAppID)); status != http.StatusOK ||
			!strings.Contains(answer, `"bridged":true`) {
			t.Errorf("%d %s", status, answer)
		}
		// A join finds nothing to do.
		if changes, _, err := b.db.Join(t.Context(), b.account, b.mini); err != nil ||
			changes.New+changes.Changed+changes.Removed != 0 {
			t.Errorf("%+v %v", changes, err)
		}
	})
}

func TestBadLoginsAndFloods(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for body, want := range map[string]int{
			"":           http.StatusBadRequest,
			"{}":         http.StatusBadRequest,
			`{"code":7}`: http.StatusBadRequest,
			`{"code":"` + strings.Repeat("x", 8000) + `"}`: http.StatusBadRequest,
			`{"code":"0123"}`:                   http.StatusUnauthorized,
			`{"code":"0123","appid":"wxother"}`: http.StatusBadRequest,
		} {
			if status, answer := b.login(t, "10.0.0.2", body); status != want || !strings.Contains(answer, `"error":`) {
				t.Errorf("%.40s: %d %s, want %d", body, status, answer, want)
			}
		}
		refused := 0
		for range 80 {
			if status, _ := b.login(t, "10.0.0.3", "{}"); status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < 10 {
			t.Errorf("of a flood of 80 from one address %d were refused", refused)
		}
		if status, _ := b.login(t, "10.0.0.4", "{}"); status != http.StatusBadRequest {
			t.Errorf("another address is refused, too: %d", status)
		}
		// One person from many addresses.
		who, refused := b.someone(t, 5), 0
		for n := range 15 {
			code, _ := b.sim.NewLoginCode(who)
			if status, _ := b.login(t, fmt.Sprint("10.1.0.", n),
				fmt.Sprintf(`{"code":%q}`, code)); status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused == 0 {
			t.Error("one person may log in without end")
		}
	})
}
