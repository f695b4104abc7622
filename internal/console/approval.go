package console

import (
	"context"
	"time"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// fixWithin bounds how long the recipients of a draft are being fixed; who looks later goes on.
const fixWithin = 10 * time.Minute

// fixing gives a draft's recipients their rows, once however many look at it; it goes on when
// the browser is gone.
func (c *Console) fixing(ctx context.Context, a *account.Account, b wxcast.Broadcast) {
	if b.State != wxcast.BroadcastDraft || b.Fixed {
		return
	}
	key := broadcastKey{a.ID, b.ID}
	if _, busy := c.fixed.LoadOrStore(key, true); busy {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fixWithin)
	go func() {
		defer cancel()
		defer c.fixed.Delete(key)
		_, err := survived(func() (struct{}, error) { return struct{}{}, a.FixRecipients(ctx, b.ID) })
		if err != nil {
			c.Log.ErrorContext(ctx, "the recipients of a draft are not fixed", "broadcast_id", b.ID, "err", err)
		}
	}()
}

func (c *call) askApproval() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	if err := c.Account.AskApproval(c.ctx(), id); err != nil {
		return err
	}
	return c.to(c.here(id), "asked")
}

func (c *call) approve() error { return c.decide(true, "approved") }

func (c *call) refuse() error { return c.decide(false, "refused") }

func (c *call) decide(approved bool, done string) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	n := int64(0)
	if approved {
		if n, err = c.number(); err != nil {
			n = -1 // nobody's: the use case tells what would be right
		}
	}
	if err := c.Account.DecideApproval(c.ctx(), id, approved, n, c.Value("reason")); err != nil {
		return err
	}
	return c.to(c.here(id), done)
}

func (c *call) scheduleBroadcast() error {
	return c.move("scheduled", wxcast.BroadcastScheduled, func(a *account.Account, id int64) (report.Broadcast, error) {
		if err := c.typedRecipients(a, id); err != nil {
			return report.Broadcast{}, err
		}
		return a.ScheduleBroadcast(c.ctx(), id, c.at())
	})
}

// at is a time as a browser's field has it, as the use case reads it.
func (c *call) at() string {
	text := []byte(c.Value("at"))
	if len(text) > len("2006-01-02") && text[len("2006-01-02")] == 'T' {
		text[len("2006-01-02")] = ' '
	}
	return string(text)
}
