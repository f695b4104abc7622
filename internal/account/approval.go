package account

import (
	"context"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// ApprovalState is how a broadcast stands with the company's rule of four eyes.
type ApprovalState struct {
	wxcast.Approval
	Needed     bool // the broadcast begins only when another user has approved it
	Recipients int64
	LapsesAt   time.Time // UTC; zero where nothing was asked for
	Good       bool      // it may begin
	Waits      bool      // for somebody to decide
}

// Approval tells whether a broadcast needs another user's word before it begins, and whether it
// has it.
func (a *Account) Approval(ctx context.Context, id int64) (s ApprovalState, err error) {
	b, err := a.broadcast(ctx, id)
	if err != nil {
		return s, err
	}
	return a.approvalOf(ctx, b)
}

func (a *Account) approvalOf(ctx context.Context, b wxcast.Broadcast) (s ApprovalState, err error) {
	if s.Approval, err = a.db.Approval(ctx, b.Ref()); err != nil || b.State != wxcast.BroadcastDraft {
		return s, err
	}
	if s.Recipients, err = a.db.Recipients(ctx, b.Ref()); err != nil {
		return s, err
	}
	rule := a.cfg.Console
	if rule.ApproveAbove < 0 {
		s.Good = true
		return s, nil
	}
	if s.Needed = !b.Fixed || s.Recipients > rule.ApproveAbove; !s.Needed {
		s.Good = true
		return s, nil
	}
	now, since := a.db.Now(), s.AskedAt
	if s.Approved {
		since = s.DecidedAt
	}
	if !since.IsZero() {
		s.LapsesAt = since.Add(rule.ApprovalFor)
	}
	fresh := now.Before(s.LapsesAt) && s.Approval.Recipients == s.Recipients
	s.Good = s.Approved && fresh
	s.Waits = s.AskedBy != "" && s.DecidedBy == "" && fresh
	return s, nil
}

// needApproval refuses a user to begin what needs another one's word. Programs with a key are
// not asked: who may make keys decides that.
func (a *Account) needApproval(ctx context.Context, b wxcast.Broadcast) error {
	if !byUser(ctx) {
		return nil
	}
	s, err := a.approvalOf(ctx, b)
	switch {
	case err != nil || s.Good:
	case !b.Fixed:
		err = conflict("approval.counting", "id", b.ID)
	default:
		err = conflict("approval.needed", "id", b.ID, "above", a.cfg.Console.ApproveAbove)
	}
	return err
}

// AskApproval asks other users to let a broadcast begin. Audited.
func (a *Account) AskApproval(ctx context.Context, id int64) error {
	return auditedOnly(ctx, a, "ask-approval", fmt.Sprintf("broadcast %d", id), func(*entry) error {
		b, err := a.broadcast(ctx, id)
		if err != nil {
			return err
		}
		if err := mustBe(b, wxcast.BroadcastDraft); err != nil {
			return err
		}
		s, err := a.approvalOf(ctx, b)
		switch {
		case err != nil:
			return err
		case !b.Fixed:
			return conflict("approval.counting", "id", id)
		case s.Good, s.Waits: // asked, or given, already
			return nil
		}
		return a.db.AskApproval(ctx, b.Ref(), maker(ctx), s.Recipients)
	})
}

// DecideApproval lets a broadcast begin, or not, for another user. The number of recipients is
// typed, to be sure what it is about. Audited.
func (a *Account) DecideApproval(ctx context.Context, id int64, approved bool, recipients int64, reason string) error {
	action := "refuse-broadcast"
	if approved {
		action = "approve-broadcast"
	}
	return auditedOnly(ctx, a, action, fmt.Sprintf("broadcast %d", id), func(*entry) error {
		b, err := a.broadcast(ctx, id)
		if err != nil {
			return err
		}
		s, err := a.approvalOf(ctx, b)
		switch {
		case err != nil:
			return err
		case !s.Waits:
			return conflict("approval.none_asked", "id", id)
		case !s.May(maker(ctx)):
			return conflict("approval.own", "id", id)
		case approved && recipients != s.Recipients:
			return &wxcast.BadInput{Key: "recipients", Problem: wxcast.Say("console.wrong_number"),
				Want: wxcast.Say("console.want_number", "n", s.Recipients)}
		}
		decided, err := a.db.DecideApproval(ctx, b.Ref(), s.Approval, maker(ctx), approved,
			foreign.Text(reason, reasonMost))
		if err == nil && !decided {
			err = conflict("approval.just_changed", "id", id)
		}
		return err
	})
}

// WaitingApprovals are the broadcasts that wait for somebody to decide.
func (a *Account) WaitingApprovals(ctx context.Context) ([]wxcast.BroadcastName, error) {
	return a.db.WaitingApprovals(ctx, a.ID, a.db.Now().Add(-a.cfg.Console.ApprovalFor), alertsShown)
}
