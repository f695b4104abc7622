package account

import (
	"github.com/wxcast/wxcast/internal/metrics"
	"github.com/wxcast/wxcast/internal/wechat"
)

// Serving is what an account has inside wxcast serve.
type Serving struct {
	Metrics *metrics.Metrics
	// StartJob runs one of the account's jobs now; false where there is no such job.
	StartJob func(name string) bool
}

// Serve tells the account that it is inside wxcast serve. It is called before its work
// begins.
func (a *Account) Serve(s Serving) { a.metrics, a.startJob = s.Metrics, s.StartJob }

// Client calls WeChat in the account's name; nil where it cannot.
func (a *Account) Client() *wechat.Client { return a.client }
