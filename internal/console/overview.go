package console

import (
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// daysAhead is how many days the forecast has, today the first.
const daysAhead = 7

type overviewView struct{ Accounts []accountView }

type accountView struct {
	account.Overview
	Name     string
	Quotas   []quotaView
	AtWork   []castView
	Forecast []forecastView
	Pending  int64
	Silent   bool // WeChat tells nothing, though it might be expected to
}

type quotaView struct {
	wxcast.QuotaDay
	Channel string
	Left    int64
	Share   int // percent
}

type forecastView struct {
	Day wxcast.Day
	N   int64
	H   int // percent of the most
}

func (c *call) overview() error {
	v, err := c.overviewOf()
	if err != nil {
		return err
	}
	return c.show("overview", v)
}

func (c *call) overviewLive() error {
	v, err := c.overviewOf()
	if err != nil {
		return err
	}
	return c.part("overview", "standing", v)
}

func (c *call) overviewOf() (v overviewView, err error) {
	for _, a := range c.Accounts() {
		o, err := a.Overview(c.ctx())
		if err != nil {
			return v, err
		}
		one := accountView{Overview: o, Name: a.Name(), Silent: o.LastCallback.Before(a.Now().Add(-24 * time.Hour))}
		for _, q := range o.Quota {
			one.Quotas = append(one.Quotas, newQuotaView(q))
		}
		for _, b := range o.AtWork {
			cast, err := c.castOf(a, b)
			if err != nil {
				return v, err
			}
			one.AtWork = append(one.AtWork, cast)
			if b.State != wxcast.BroadcastDraft {
				one.Pending += cast.Pending()
			}
		}
		one.Forecast = forecast(one.Pending, o.Quota, wxcast.DayOf(a.Now()))
		v.Accounts = append(v.Accounts, one)
	}
	return v, nil
}

func newQuotaView(q wxcast.QuotaDay) quotaView {
	v := quotaView{QuotaDay: q, Left: max(0, q.Limit-q.Used)}
	for _, ch := range account.Channels {
		if ch.API == q.API {
			v.Channel = ch.Name
		}
	}
	if q.Limit > 0 {
		v.Share = int(min(100, 100*q.Used/q.Limit))
	}
	return v
}

// forecast is what is at work, day by day, by the quota of the first channel.
func forecast(pending int64, quotas []wxcast.QuotaDay, today wxcast.Day) (all []forecastView) {
	if pending == 0 {
		return nil
	}
	var first wxcast.QuotaDay
	if len(quotas) > 0 {
		first = quotas[0]
	}
	most := int64(1)
	days := account.Forecast(pending, first, daysAhead)
	for _, n := range days {
		most = max(most, n)
	}
	for _, n := range days {
		all = append(all, forecastView{today, n, int(100 * n / most)})
		today = today.Next()
	}
	return all
}
