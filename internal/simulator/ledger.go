package simulator

import "time"

// message is what one person has seen.
type message struct {
	person      uint32
	at          time.Time
	msgID       int64
	clientMsgID string
	page        string
}

// ledger is the truth about deliveries, to hold a client's own books against.
type ledger struct {
	messages     []message
	Deduplicated int // repeats of a client_msg_id, accepted and not shown again
}

func (l *ledger) add(m message) { l.messages = append(l.messages, m) }

// callStats are the books of one API.
type callStats struct {
	Calls     int64 `json:"calls"`
	OverQuota int64 `json:"over_quota"`
	// PeakPerSecond is the most calls in any second of the clock.
	PeakPerSecond int64 `json:"peak_per_second"`
	second        int64
	inSecond      int64
}

func (s *Server) callsTo(api string) *callStats {
	c := s.calls[api]
	if c == nil {
		c = &callStats{}
		s.calls[api] = c
	}
	return c
}

// count books a call.
func (s *Server) count(api string) {
	c := s.callsTo(api)
	c.Calls++
	if second := s.now().Unix(); second != c.second {
		c.second, c.inSecond = second, 0
	}
	c.inSecond++
	c.PeakPerSecond = max(c.PeakPerSecond, c.inSecond)
}

// tooFast tells whether this second's sends are above the knob's rate.
func (s *Server) tooFast() bool {
	return s.knobs.MaxRate > 0 && s.callsTo("/cgi-bin/message/template/send").inSecond > int64(s.knobs.MaxRate)
}
