package simulator

import (
	"io"
	"net/http"
	"time"
)

// Knobs change how the simulator behaves; those that WeChat leaves open have
// its most likely answer as default. They can be turned while it runs.
type Knobs struct {
	Latency Duration `json:"latency"` // before each answer
	Jitter  Duration `json:"jitter"`  // up to so much more

	// Shares of the calls, from 0 to 1, that go wrong.
	Busy       float64 `json:"busy"`        // errcode -1, nothing done
	BadGateway float64 `json:"bad_gateway"` // status 502, nothing done
	DropBefore float64 `json:"drop_before"` // connection cut, nothing done
	DropAfter  float64 `json:"drop_after"`  // connection cut after the effect

	// MaxRate answers sends above so many a second with 45011; 0 is no limit.
	MaxRate int `json:"max_rate"`
	// TokenLife is how long an access token lives.
	TokenLife Duration `json:"token_life"`
	// KillTokenEvery lets the token die, as if a stranger had refreshed it.
	KillTokenEvery Duration `json:"kill_token_every"`
	// DailyLimits overrides the quota of an API path.
	DailyLimits map[string]int64 `json:"daily_limits"`
	// RefuseIP answers token calls with 40164, as for an IP off the whitelist.
	RefuseIP bool `json:"refuse_ip"`
	// RefuseSend answers every send with this errcode; 0 is off.
	RefuseSend int `json:"refuse_send"`
	// EmptyLastCursor ends the follower list with an empty next_openid; by default
	// the last page names its last openid and the page behind it has no data.
	EmptyLastCursor bool `json:"empty_last_cursor"`
	// PageSize is the length of a follower page; 10,000 is WeChat's.
	PageSize int `json:"page_size"`
}

func (k Knobs) withDefaults() Knobs {
	if k.TokenLife == 0 {
		k.TokenLife = Duration(7200 * time.Second)
	}
	if k.PageSize == 0 {
		k.PageSize = 10_000
	}
	return k
}

// Duration is a time.Duration that stands in JSON as text, such as "20ms".
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// bodyMax bounds a request.
const bodyMax = 1 << 20

// api wraps an endpoint with what every call goes through: the books, the
// faults that were asked for, and the latency.
func (s *Server) api(next respond) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, api: r.URL.Path}
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
			if err != nil {
				return
			}
			c.body = body
		}
		s.mu.Lock()
		c.rid = s.nextRID()
		s.count(c.api)
		latency := s.latency()
		chance := s.random.Float64()
		k := &s.knobs
		var out any
		var f *fault
		var broken func(http.ResponseWriter)
		switch {
		case less(&chance, k.DropBefore):
			broken = cut
		case less(&chance, k.BadGateway):
			broken = func(w http.ResponseWriter) { http.Error(w, "<html>502 Bad Gateway</html>", http.StatusBadGateway) }
		case less(&chance, k.Busy):
			f = &fault{-1, "system error"}
		default:
			out, f = next(c)
			if less(&chance, k.DropAfter) {
				broken = cut
			}
		}
		s.mu.Unlock()
		if latency > 0 {
			time.Sleep(latency)
		}
		if broken != nil {
			broken(w)
			return
		}
		s.writeReply(w, c, out, f)
	}
}

// less tells whether chance falls into a share, and else leaves what remains of
// it for the next share.
func less(chance *float64, share float64) bool {
	if *chance < share {
		return true
	}
	*chance -= share
	return false
}

func (s *Server) latency() time.Duration {
	d := time.Duration(s.knobs.Latency)
	if s.knobs.Jitter > 0 {
		d += time.Duration(s.random.Int64N(int64(s.knobs.Jitter)))
	}
	return d
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
