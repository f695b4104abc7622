package simulator

import (
	"io"
	"net/http"
	"slices"
	"time"
)

// bodyMax bounds a request, and uploadMax one with a picture: above it no API is reached.
const (
	bodyMax   = 1 << 20
	uploadMax = 16 << 20
)

// api wraps an endpoint with what every call goes through: the books, the
// faults that were asked for, and the latency.
func (s *Server) api(next respond) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, api: r.URL.Path}
		if r.Method == http.MethodPost {
			most := int64(bodyMax)
			if c.api == uploadAPI {
				most = uploadMax
			}
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
			if err != nil {
				http.Error(w, "<html>413 Request Entity Too Large</html>", http.StatusRequestEntityTooLarge)
				return
			}
			c.body = body
		}
		s.mu.Lock()
		c.rid = s.nextRID()
		s.count(c.api)
		latency, slow := s.latency(), time.Duration(s.knobs.SlowBody)
		out, f, broken := s.answer(c, next)
		s.remember(c, out, f)
		c.rawRemarks = s.knobs.RawRemarks
		s.mu.Unlock()
		if latency > 0 {
			time.Sleep(latency)
		}
		if broken != nil {
			s.letGo(c) // first: who sees the connection cut may call again at once
			broken(w)
			return
		}
		s.writeReply(w, c, out, f, slow)
		s.letGo(c)
	}
}

// hold marks an openid as being written to until the call's answer is written; a second call
// meanwhile is refused. s.mu is held.
func (s *Server) hold(c *call, openid string) *fault {
	if s.inFlight[openid] {
		return &fault{43108, "Cannot make concurrent calls to the same OpenID, please try again"}
	}
	c.held, s.inFlight[openid] = openid, true
	return nil
}

// letGo ends what hold began.
func (s *Server) letGo(c *call) {
	if c.held != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.inFlight, c.held)
	}
}

// answer does what a call asks for, or one of the faults that were asked for;
// broken, if any, takes the place of the answer. s.mu is held.
func (s *Server) answer(c *call, next respond) (out any, f *fault, broken func(http.ResponseWriter)) {
	k, chance := &s.knobs, s.random.Float64()
	if len(k.FaultsOnly) > 0 && !slices.Contains(k.FaultsOnly, c.api) {
		chance = 1 // above every share
	}
	switch {
	case less(&chance, k.DropBefore):
		return nil, nil, cut
	case less(&chance, k.BadGateway):
		return nil, nil, func(w http.ResponseWriter) {
			http.Error(w, "<html>502 Bad Gateway</html>",
				http.StatusBadGateway)
		}
	case less(&chance, k.Busy):
		return nil, &fault{-1, "system error"}, nil
	}
	out, f = next(c)
	switch {
	case less(&chance, k.DropAfter):
		broken = cut
	case less(&chance, k.BrokenJSON):
		broken = func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"errcode":0,"errm`) }
	}
	return out, f, broken
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
