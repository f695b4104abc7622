package account

import (
	"context"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// AllTesters, in the place of an openid, is everybody who is a tester.
const AllTesters = "testers"

// testerSpan is how long the QR code is good that makes testers.
const testerSpan = 10 * time.Minute

// Tester is a person of the company's, to whose phone tests are sent.
type Tester struct {
	OpenID string    `json:"openid"` // "" for who may not see people
	Since  time.Time `json:"since"`
	Source string    `json:"source" doc:"\"scan\", or who added them"`
}

// TesterCode is a QR code that makes a tester of whoever scans it.
type TesterCode struct {
	URL       string    `json:"url" doc:"what the QR code says"`
	Picture   string    `json:"picture" doc:"where WeChat shows the QR code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Testers are the account's, the longest first.
func (a *Account) Testers(ctx context.Context) ([]Tester, error) {
	all, err := a.db.Testers(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	shown := make([]Tester, len(all))
	for i, t := range all {
		shown[i] = Tester{string(t.OpenID), t.Since, t.Source}
		if masked(ctx) {
			shown[i].OpenID = ""
		}
	}
	return shown, nil
}

// AddTesters makes testers of people, by their openids: at most wxcast.TestersMax, or none of
// them. Audited.
func (a *Account) AddTesters(ctx context.Context, ids []string) ([]Tester, error) {
	if len(ids) > wxcast.TestersMax {
		return nil, tooManyTesters(len(ids))
	}
	return auditedOf(ctx, a, "add-testers", people(ids), ids, func(*entry) ([]Tester, error) {
		openids, err := a.followersOf(ctx, ids)
		if err != nil {
			return nil, err
		}
		now, err := a.db.Testers(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		all := len(now)
		for _, id := range openids {
			if !slices.ContainsFunc(now, func(t wxcast.Tester) bool { return t.OpenID == id }) {
				all++
			}
		}
		if all > wxcast.TestersMax {
			return nil, tooManyTesters(all)
		}
		if _, err := a.db.AddTesters(ctx, a.ID, openids, maker(ctx)); err != nil {
			return nil, err
		}
		return a.Testers(ctx)
	})
}

func tooManyTesters(n int) error {
	return &wxcast.BadInput{Key: "ids", Problem: wxcast.Say("tester.too_many", "n", n),
		Want: wxcast.Say("tester.want_fewer", "most", wxcast.TestersMax)}
}

// followersOf are the openids, each of somebody who follows.
func (a *Account) followersOf(ctx context.Context, ids []string) (openids []wxcast.OpenID, err error) {
	for _, id := range ids {
		found, err := a.db.Person(ctx, a.ID, nil, id)
		if err != nil {
			return nil, err
		}
		follows := slices.ContainsFunc(found.Followers,
			func(f wxcast.FollowerRecord) bool { return string(f.OpenID) == id && f.Subscribed })
		if !follows {
			return nil, nobody(id)
		}
		if !slices.Contains(openids, wxcast.OpenID(id)) {
			openids = append(openids, wxcast.OpenID(id))
		}
	}
	return openids, nil
}

// RemoveTesters takes people off the testers. Audited.
func (a *Account) RemoveTesters(ctx context.Context, ids []string) ([]Tester, error) {
	return auditedOf(ctx, a, "remove-testers", people(ids), ids, func(*entry) ([]Tester, error) {
		openids := make([]wxcast.OpenID, len(ids))
		for i, id := range ids {
			openids[i] = wxcast.OpenID(id)
		}
		n, err := a.db.RemoveTesters(ctx, a.ID, openids)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, notFound("tester.nobody", "ids", ids)
		}
		return a.Testers(ctx)
	})
}

// TesterCode makes a QR code that makes a tester of whoever scans it within ten minutes. WeChat
// tells of a scan by a callback: without, it does nothing, and is refused. Audited.
func (a *Account) TesterCode(ctx context.Context) (TesterCode, error) {
	return audited(ctx, a, "tester-code", "", func(*entry) (out TesterCode, err error) {
		if err := a.needCalls(); err != nil {
			return out, err
		}
		if a.Config.Token == "" {
			return out, conflict("tester.unheard", "account", a.Name())
		}
		until := a.db.Now().Add(testerSpan).Truncate(time.Second)
		var code wechat.QRCode
		if code, err = a.client.QRCode(ctx, wxcast.TesterScene(until), testerSpan); err != nil {
			return out, err
		}
		return TesterCode{URL: code.URL, Picture: code.Picture, ExpiresAt: until}, nil
	})
}

// withTesters puts the testers in the place of their word.
func (a *Account) withTesters(ctx context.Context, to []string) ([]string, error) {
	at := slices.Index(to, AllTesters)
	if at < 0 {
		return to, nil
	}
	all, err := a.db.Testers(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &wxcast.BadInput{Key: "to", Problem: wxcast.Say("tester.none"), Want: wxcast.Say("tester.want_some")}
	}
	to = slices.Delete(slices.Clone(to), at, at+1)
	for _, t := range all {
		if !slices.Contains(to, string(t.OpenID)) {
			to = append(to, string(t.OpenID))
		}
	}
	return to, nil
}
