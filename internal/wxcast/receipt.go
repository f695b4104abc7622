package wxcast

import "time"

// Receipt is what WeChat tells of a message after it was accepted: the event
// TEMPLATESENDJOBFINISH, or subscribe_msg_sent_event.
type Receipt struct {
	OpenID OpenID // as the channel's app knows the person
	MsgID  int64
	// Status is "success", "failed:user block" or "failed: system failed".
	Status string
	At     time.Time // by WeChat's clock, whole seconds, UTC
	// Blocked: the status is one of the channel's ReceiptBlocked.
	Blocked bool
}

// OptOut is a person who asked for no more messages.
type OptOut struct {
	// ID is a follower's openid; of anyone else the openid, mini_openid or unionid that
	// was given.
	ID     string    `json:"openid"`
	Since  time.Time `json:"since"`  // UTC
	Source string    `json:"source"` // such as "by hand"
}
