package simulator

import (
	"encoding/json"
	"time"
)

// ridLife is how long a request can be looked up. Source: api_getridinfo.
const ridLife = 7 * 24 * time.Hour

// recentMax is how many calls are remembered: WeChat keeps all, we the latest.
const recentMax = 1000

// pastCall is what rid/get tells of a call. Tokens and secrets are not kept.
type pastCall struct {
	rid, api, reply string
	at              time.Time
}

// recentCalls is a ring of the latest calls.
type recentCalls struct {
	ring [recentMax]pastCall
	next int
}

// remember keeps a call for rid/get, if it ended with a fault: others have no rid.
func (s *Server) remember(c *call, _ any, f *fault) {
	if f == nil {
		return
	}
	reply, _ := json.Marshal(plainOK{f.code, f.msg + " rid: " + c.rid})
	s.requested.ring[s.requested.next%recentMax] = pastCall{c.rid, c.api, string(reply), s.now()}
	s.requested.next++
}

func (s *Server) ridGet(c *call) (any, *fault) {
	var in struct {
		RID string `json:"rid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if in.RID == "" {
		return nil, &fault{76002, "rid is empty"}
	}
	for _, past := range s.requested.ring {
		if past.rid != in.RID {
			continue
		}
		if s.now().Sub(past.at) > ridLife {
			return nil, &fault{76004, "rid is expired"}
		}
		type request struct {
			InvokeTime   int64  `json:"invoke_time"`
			CostInMS     int    `json:"cost_in_ms"`
			RequestURL   string `json:"request_url"`
			RequestBody  string `json:"request_body"`
			ResponseBody string `json:"response_body"`
			ClientIP     string `json:"client_ip"`
		}
		return struct {
			plainOK
			Request request `json:"request"`
		}{okReply, request{past.at.Unix(), 1, past.api, "", past.reply, "127.0.0.1"}}, nil
	}
	return nil, &fault{76001, "rid not found"}
}
