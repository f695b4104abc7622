package wechat

import (
	"context"
	"encoding/json"

	"github.com/wxcast/wxcast/internal/wxcast"
)

const quotaGetAPI = "/cgi-bin/openapi/quota/get"

type quotaReply struct {
	status
	Quota struct {
		DailyLimit int64 `json:"daily_limit"`
		Used       int64 `json:"used"`
	} `json:"quota"`
}

// GetQuota asks for an API's daily limit and use. A limit of 0 means that WeChat
// gave no information. Its counters may be about 1 % off.
func (c *Client) GetQuota(ctx context.Context, api string) (wxcast.Quota, error) {
	body, err := json.Marshal(struct {
		CGIPath string `json:"cgi_path"`
	}{api})
	if err != nil {
		return wxcast.Quota{}, err
	}
	out, err := patiently(ctx, func() (quotaReply, error) { return call[quotaReply](ctx, c, quotaGetAPI, nil, body) })
	if err != nil {
		return wxcast.Quota{}, err
	}
	return wxcast.Quota{API: api, Limit: out.Quota.DailyLimit, Used: out.Quota.Used}, nil
}
