package simulator

import (
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// beijing is where WeChat's days begin.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// dailyLimits are what WeChat documents. Source: API_Call_Limits.
var dailyLimits = map[string]int64{
	"/cgi-bin/token":                             2000,
	"/cgi-bin/stable_token":                      500_000,
	"/cgi-bin/user/get":                          500,
	"/cgi-bin/user/info":                         5_000_000,
	"/cgi-bin/user/info/batchget":                5_000_000,
	"/cgi-bin/message/template/send":             100_000,
	"/cgi-bin/template/get_all_private_template": 100_000,
	"/wxaapi/newtmpl/gettemplate":                100_000,
	"/cgi-bin/openapi/quota/get":                 1_000_000,
	"/cgi-bin/openapi/rid/get":                   1_000_000,
	"/cgi-bin/clear_quota":                       1_000_000,
	"/cgi-bin/get_current_autoreply_info":        100_000,
	"/cgi-bin/get_current_selfmenu_info":         100_000,
	"/cgi-bin/tags/get":                          1_000,
	"/cgi-bin/user/tag/get":                      1_000,
	"/cgi-bin/tags/getidlist":                    500_000,
	subscribeAPI:                                 10_000_000, // 30 million with payment
	noticeAPI:                                    30_000_000,
	customAPI:                                    500_000,
	uploadAPI:                                    100_000,
	qrCodeAPI:                                    100_000,
}

// quotaState is one API's counter of one Beijing day.
type quotaState struct {
	day  string
	used int64
}

// quotaOf is the API's counter of today.
func (s *Server) quotaOf(api string) *quotaState {
	today := s.now().In(beijing).Add(-time.Duration(s.knobs.ResetHour) * time.Hour).Format(time.DateOnly)
	q := s.quotas[api]
	if q == nil || q.day != today {
		q = &quotaState{day: today}
		s.quotas[api] = q
	}
	return q
}

func (s *Server) limitOf(api string) int64 {
	if limit, ok := s.knobs.DailyLimits[api]; ok {
		return limit
	}
	return dailyLimits[api]
}

// spendQuota counts a call that costs so much, whatever comes of it, or refuses it.
func (s *Server) spendQuota(api string, cost int64) *fault {
	q, limit := s.quotaOf(api), s.limitOf(api)
	early := api == sendAPI && s.knobs.Early45009 > 0 && q.used >= s.knobs.Early45009
	if q.used+cost > limit || early {
		s.callsTo(api).OverQuota++
		return &fault{45009, "reach max api daily quota limit"}
	}
	q.used += cost
	return nil
}

// clearsAMonth is how often all counters may be cleared. Source: API_Call_Limits.
const clearsAMonth = 10

// clearQuota sets all daily counters of the app to zero.
func (s *Server) clearQuota(c *call) (any, *fault) {
	var in struct {
		AppID string `json:"appid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if in.AppID != c.appid {
		return nil, &fault{40013, "invalid appid"}
	}
	return s.clear(c.appid)
}

// clearQuotaBySecret is clear_quota/v2: no token, and the parameters in the query
// or in the body, as WeChat's page shows both.
func (s *Server) clearQuotaBySecret(c *call) (any, *fault) {
	var in struct {
		AppID     string `json:"appid"`
		AppSecret string `json:"appsecret"`
	}
	_ = json.Unmarshal(c.body, &in)
	if q := c.URL.Query(); in.AppID == "" {
		in.AppID, in.AppSecret = q.Get("appid"), q.Get("appsecret")
	}
	if f := s.checkApp(c, in.AppID, in.AppSecret); f != nil {
		return nil, f
	}
	return s.clear(in.AppID)
}

func (s *Server) clear(appid string) (any, *fault) {
	if s.clears[appid] >= clearsAMonth {
		return nil, &fault{48006, "forbid to clear quota because of reaching the limit"}
	}
	s.clears[appid]++
	maps.DeleteFunc(s.quotas, func(api string, _ *quotaState) bool {
		return (api == subscribeAPI) == (appid == s.MiniAppID)
	})
	return okReply, nil
}

// plainOK is an answer that says no more than ok.
type plainOK struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

var okReply = plainOK{0, "ok"}

// retired answers every call with the code of a withdrawn API.
func retired(code int, msg string) respond {
	return func(*call) (any, *fault) { return nil, &fault{code, msg} }
}

func (s *Server) quotaGet(c *call) (any, *fault) {
	var in struct {
		CGIPath string `json:"cgi_path"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if strings.HasPrefix(in.CGIPath, "/sns/") || in.CGIPath == subscribeAPI && c.appid != s.MiniAppID {
		return nil, &fault{76022, "no permission"}
	}
	if _, known := dailyLimits[in.CGIPath]; !known {
		return nil, &fault{76021, "cgi_path not found"}
	}
	q, limit := s.quotaOf(in.CGIPath), s.limitOf(in.CGIPath)
	type quota struct {
		DailyLimit int64 `json:"daily_limit"`
		Used       int64 `json:"used"`
		Remain     int64 `json:"remain"`
	}
	return struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		Quota   quota  `json:"quota"`
	}{0, "ok", quota{limit, q.used, max(0, limit-q.used)}}, nil
}
