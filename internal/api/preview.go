package api

import "time"

// Preview says who would get a broadcast, and when.
type Preview struct {
	Followers  int64 `json:"followers"`
	Recipients int64 `json:"recipients"`
	// Out says why the other followers get nothing; each is counted once, by the first reason.
	Out []PreviewOut `json:"out"`
	// NotBridged parts those who are out because the mini program does not know them.
	NotBridged struct {
		WithoutUnionID   int64 `json:"without_unionid"`
		NotInMiniProgram int64 `json:"not_in_mini_program"`
		Ambiguous        int64 `json:"ambiguous"`
	} `json:"not_bridged"`
	List      *PreviewList `json:"list,omitempty"`
	BadValues int64        `json:"bad_values"` // recipients whose values WeChat would refuse
	Quota     struct {
		Limit  int64 `json:"limit"` // 0 when WeChat gave no information
		Used   int64 `json:"used"`
		Keep   int64 `json:"keep"`
		Remain int64 `json:"remain"` // today, for this broadcast
	} `json:"quota"`
	Rate    float64    `json:"rate"`
	Seconds float64    `json:"seconds"` // of sending, waits not counted
	Days    int        `json:"days"`    // on which it sends; 0 when the quota never allows it
	EndsAt  *time.Time `json:"ends_at"` // UTC, if it began now
	// Messages are the first ones, as a person would see them.
	Messages []PreviewMessage `json:"messages"`
}

// PreviewOut counts followers who get nothing.
type PreviewOut struct {
	Reason string `json:"reason"`
	N      int64  `json:"n"`
}

// PreviewList is the spec's list of recipients.
type PreviewList struct {
	Rows  int64 `json:"rows"`
	Found int64 `json:"found"` // rows of people who follow
}

// PreviewMessage is a message as a person would see it.
type PreviewMessage struct {
	OpenID   string            `json:"openid"`
	Data     map[string]string `json:"data"`
	PagePath string            `json:"pagepath"`
	URL      string            `json:"url,omitempty"`
}

// TestMessage is what became of one test message.
type TestMessage struct {
	OpenID  string `json:"openid"`
	Sent    bool   `json:"sent"`
	MsgID   string `json:"msgid,omitempty"` // text: it is above 2^53
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg,omitempty"`
}
