package simulator

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// lastMinutes is when a stable token is followed by the next. Source:
// api_getstableaccesstoken.
const lastMinutes = 5 * time.Minute

// forcePause is how far apart forced refreshes must be to refresh.
const forcePause = 30 * time.Second

// accessToken is one token with its life.
type accessToken struct {
	value string
	ends  time.Time
}

// tokenState are an app's tokens. The two kinds do not touch each other.
type tokenState struct {
	stable, stableBefore accessToken
	plain, plainBefore   accessToken
	forcedAt             time.Time
	issuedAt             time.Time
	fetches, kills       int
}

func (s *Server) tokensOf(appid string) *tokenState {
	t := s.tokens[appid]
	if t == nil {
		t = &tokenState{}
		s.tokens[appid] = t
	}
	return t
}

func (s *Server) checkApp(c *call, appid, secret string) *fault {
	if f := s.checkIP(c); f != nil {
		return f
	}
	switch {
	case appid == "":
		return &fault{41002, "appid missing"}
	case secret == "":
		return &fault{41004, "appsecret missing"}
	case appid != s.AppID && appid != s.MiniAppID:
		return &fault{40013, "invalid appid"}
	case appid == s.AppID && secret != s.Secret, appid == s.MiniAppID && secret != s.MiniSecret:
		return &fault{40125, "invalid appsecret"}
	}
	return nil
}

// checkIP tells whether a call comes from an address of the whitelist: single ones, or
// networks such as 10.0.0.0/8. For an official account every call is checked, for a mini
// program only those with the AppSecret. Source: oplatform/developers/basic_func/ip_whitelist.
func (s *Server) checkIP(c *call) *fault {
	ip, _, _ := net.SplitHostPort(c.RemoteAddr)
	if s.knobs.RefuseIP {
		ip = "203.0.113.7"
	} else if len(s.knobs.IPWhitelist) == 0 || slices.ContainsFunc(s.knobs.IPWhitelist, func(one string) bool {
		address, err := netip.ParseAddr(ip)
		network, notNetwork := netip.ParsePrefix(one)
		return one == ip || err == nil && notNetwork == nil && network.Contains(address.Unmap())
	}) {
		return nil
	}
	return &fault{40164, fmt.Sprintf("invalid ip %s ipv6 ::ffff:%s, not in whitelist", ip, ip)}
}

func (s *Server) newToken(kind string) accessToken {
	s.requests++
	return accessToken{
		value: fmt.Sprintf("%s_%016x%016x", kind, s.world.hash(s.requests, 10), s.world.hash(s.requests, 11)),
		ends:  s.now().Add(time.Duration(s.knobs.TokenLife)),
	}
}

type tokenReply struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

// stableToken hands out the current token with the seconds it has left, and a new
// one in its last five minutes or by force.
func (s *Server) stableToken(c *call) (any, *fault) {
	if c.Method != http.MethodPost {
		return nil, &fault{43002, "require POST method"}
	}
	var in struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return nil, &fault{47001, "data format error"}
	}
	if in.GrantType != "client_credential" {
		return nil, &fault{40002, "invalid grant_type"}
	}
	if f := s.checkApp(c, in.AppID, in.Secret); f != nil {
		return nil, f
	}
	if f := s.spendQuota(c.api, 1); f != nil {
		return nil, f
	}
	t, now := s.tokensOf(in.AppID), s.now()
	t.fetches++
	switch {
	case in.ForceRefresh && now.Sub(t.forcedAt) >= forcePause:
		t.stableBefore, t.stable, t.forcedAt, t.issuedAt = accessToken{}, s.newToken("stable"), now, now
	case t.stable.ends.Sub(now) <= min(lastMinutes, time.Duration(s.knobs.TokenLife)/4):
		t.stableBefore, t.stable, t.issuedAt = t.stable, s.newToken("stable"), now
	}
	return tokenReply{t.stable.value, int64(t.stable.ends.Sub(now).Seconds())}, nil
}

// plainToken replaces the app's /cgi-bin/token token; the one before works on for
// the overlap.
func (s *Server) plainToken(c *call) (any, *fault) {
	q := c.URL.Query()
	if q.Get("grant_type") != "client_credential" {
		return nil, &fault{40002, "invalid grant_type"}
	}
	if f := s.checkApp(c, q.Get("appid"), q.Get("secret")); f != nil {
		return nil, f
	}
	if f := s.spendQuota(c.api, 1); f != nil {
		return nil, f
	}
	t, now := s.tokensOf(q.Get("appid")), s.now()
	t.fetches++
	overlap := time.Duration(s.knobs.TokenOverlap)
	if t.plainBefore = t.plain; t.plainBefore.ends.After(now.Add(overlap)) {
		t.plainBefore.ends = now.Add(overlap)
	}
	t.plain = s.newToken("plain")
	return tokenReply{t.plain.value, int64(time.Duration(s.knobs.TokenLife).Seconds())}, nil
}

// checkToken tells whether the call brings a token of the app that works now.
func (s *Server) checkToken(c *call, appid string) *fault {
	value := c.URL.Query().Get("access_token")
	if value == "" {
		return &fault{41001, "access_token missing"}
	}
	t, now := s.tokensOf(appid), s.now()
	if every := time.Duration(s.knobs.KillTokenEvery); every > 0 && appid == s.AppID && now.Sub(t.issuedAt) >= every {
		s.killTokens(appid)
	}
	for _, known := range []accessToken{t.stable, t.stableBefore, t.plain, t.plainBefore} {
		if known.value != value {
			continue
		}
		if now.After(known.ends) {
			return &fault{42001, "access_token expired"}
		}
		return nil
	}
	return &fault{40001, "invalid credential, access_token is invalid or not latest"}
}

// killTokens makes every token of an app invalid, as a forced refresh by a
// stranger does.
func (s *Server) killTokens(appid string) {
	t := s.tokensOf(appid)
	t.kills++
	t.stableBefore, t.plain, t.plainBefore = accessToken{}, accessToken{}, accessToken{}
	t.stable, t.issuedAt = s.newToken("stable"), s.now()
}
