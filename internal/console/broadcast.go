package console

import (
	"errors"
	"strconv"
	"strings"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type broadcastView struct {
	castView
	Reasons []reason
	Funnel  []string // a line for each channel, where there are several
	Results []string // what the messages brought about
	Log     []wxcast.AuditEntry
	// Approval is how a draft stands with the rule of four eyes.
	Approval account.ApprovalState
}

// broadcastOf is the broadcast of the address.
func (c *call) broadcastOf() (v broadcastView, err error) {
	id, err := c.id()
	if err != nil {
		return v, err
	}
	b, err := c.Account.BroadcastAsStored(c.ctx(), id)
	if err != nil {
		return v, err
	}
	c.con.fixing(c.r.Context(), c.Account, b)
	if b.State == wxcast.BroadcastDraft {
		if v.Approval, err = c.Account.Approval(c.ctx(), id); err != nil {
			return v, err
		}
	}
	if v.castView, err = c.castOf(c.Account, b); err != nil || v.Counts == nil {
		return v, err
	}
	v.Reasons = c.reasons(v.Counts.ByErrCode)
	if len(v.Counts.ByChannel) > 1 {
		v.Funnel = v.Counts.Funnel(c.Lang)
	}
	v.Results = v.Counts.Results.Says(c.Lang, v.Counts.Sent)
	return v, nil
}

func (c *call) broadcast() error {
	v, err := c.broadcastOf()
	if err != nil {
		return err
	}
	if c.May(access.RightAudit) {
		if v.Log, err = c.Account.AuditOf(c.ctx(), "broadcast", v.ID, rowsShown); err != nil {
			return err
		}
	}
	return c.show("broadcast", v)
}

func (c *call) broadcastLive() error {
	v, err := c.broadcastOf()
	if err != nil {
		return err
	}
	return c.part("broadcast", "live", v)
}

// here is the page of the address's broadcast.
func (c *call) here(id int64) string { return c.Of("/broadcasts/" + strconv.FormatInt(id, 10)) }

// move makes a change of the address's broadcast. One that is as asked for already is no mistake:
// two may have clicked at the same moment.
func (c *call) move(done string, to wxcast.BroadcastState,
	do func(*account.Account, int64) (report.Broadcast, error)) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	if _, err := do(c.Account, id); err != nil {
		var too *account.Conflict
		if !errors.As(err, &too) {
			return err
		}
		b, lookErr := c.Account.BroadcastAsStored(c.ctx(), id)
		if lookErr != nil || to == "" || b.State != to ||
			to == wxcast.BroadcastScheduled && b.ResumeAt.In(wxcast.Beijing).Format("2006-01-02 15:04") != c.at() {
			return err
		}
	}
	return c.to(c.here(id), done)
}

func (c *call) startBroadcast() error {
	return c.move("started", wxcast.BroadcastRunning, func(a *account.Account, id int64) (report.Broadcast, error) {
		if err := c.typedRecipients(a, id); err != nil {
			return report.Broadcast{}, err
		}
		return a.StartBroadcast(c.ctx(), id)
	})
}

// typedRecipients refuses what is begun without the number of people typed whom it goes to.
func (c *call) typedRecipients(a *account.Account, id int64) error {
	s, err := a.Approval(c.ctx(), id)
	if err != nil {
		return err
	}
	b, err := a.BroadcastAsStored(c.ctx(), id)
	if err != nil {
		return err
	}
	n := s.Recipients
	if b.State != wxcast.BroadcastDraft { // somebody was faster; the use case says what that means
		if n = b.FixedCount; !b.Fixed {
			return nil
		}
	}
	if got, err := c.number(); err == nil && got == n {
		return nil
	}
	return &wxcast.BadInput{Problem: wxcast.Say("console.wrong_number"),
		Want: wxcast.Say("console.want_number", "n", n)}
}

// number is the number of recipients that was typed.
func (c *call) number() (int64, error) {
	written := strings.NewReplacer(",", "", " ", "", "，", "").Replace(c.Value("recipients"))
	return strconv.ParseInt(written, 10, 64)
}

func (c *call) pauseBroadcast() error {
	return c.move("paused", wxcast.BroadcastPaused, func(a *account.Account, id int64) (report.Broadcast, error) {
		return a.PauseBroadcast(c.ctx(), id)
	})
}

func (c *call) resumeBroadcast() error {
	return c.move("resumed", wxcast.BroadcastRunning, func(a *account.Account, id int64) (report.Broadcast, error) {
		return a.ResumeBroadcast(c.ctx(), id)
	})
}

func (c *call) releaseCanary() error {
	return c.move("released", "", func(a *account.Account, id int64) (report.Broadcast, error) {
		return a.ReleaseCanary(c.ctx(), id)
	})
}

func (c *call) cancelBroadcast() error {
	return c.move("cancelled", wxcast.BroadcastCancelled, func(a *account.Account, id int64) (report.Broadcast, error) {
		return a.CancelBroadcast(c.ctx(), id, c.Value("reason"))
	})
}

func (c *call) steerBroadcast() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	var to account.Steering
	if text := c.Value("rate"); text != "" {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return &wxcast.BadInput{Key: "rate", Problem: wxcast.Say("input.invalid", "value", text),
				Want: wxcast.Say("input.example", "example", "50")}
		}
		to.Rate = &rate
	}
	if text := c.Value("priority"); text != "" {
		priority, err := strconv.Atoi(text)
		if err != nil {
			return &wxcast.BadInput{Key: "priority", Problem: wxcast.Say("input.invalid", "value", text),
				Want: wxcast.Say("input.example", "example", "0")}
		}
		to.Priority = &priority
	}
	if _, err := c.Account.SteerBroadcast(c.ctx(), id, to); err != nil {
		return err
	}
	return c.to(c.here(id), "steered")
}

func (c *call) retryBroadcast() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	_ = c.r.ParseForm() // what cannot be read is not there
	var only []int
	for _, text := range c.r.PostForm["errcode"] {
		code, err := strconv.Atoi(text)
		if err != nil {
			return &wxcast.BadInput{Key: "errcode", Problem: wxcast.Say("input.invalid", "value", text),
				Want: wxcast.Say("input.example", "example", "45009")}
		}
		only = append(only, code)
	}
	made, err := c.Account.RetryBroadcast(c.ctx(), id, only, c.asker())
	if err != nil {
		return err
	}
	return c.to(c.here(made.ID), "retried")
}

// asker is a user who has seen the numbers, and asked for it.
func (c *call) asker() account.Asker {
	return account.Asker{Say: func(s wxcast.Sentence) {
		c.con.Log.InfoContext(c.r.Context(), text.English.Say(s), "account", c.Account.Name())
	}}
}
