package wxcast

import "time"

// Relay is a callback of WeChat's as it came, for a system of the company's.
type Relay struct {
	ID          int64
	To          string // the system's name in the account
	OpenID      OpenID // whom it is about: of one person they are passed on in order
	Query       string // with WeChat's signature
	ContentType string
	Body        []byte
	Tries       int       // how often it was refused
	ReceivedAt  time.Time // UTC
}
