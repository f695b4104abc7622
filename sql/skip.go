package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// elsewhereRest is how long a delivery waits for an older broadcast to the same person.
const elsewhereRest = 3 * time.Second

// leaveOut takes those out of a claim who must not get the message: they left, they
// asked for no more, they had enough. That is recorded at once. Who is still to get
// the message of an older broadcast is put off, so that messages come in order.
func (t *claimTx) leaveOut(ctx context.Context, c *wxcast.Claim) error {
	recent, err := t.recentMessages(ctx)
	if err != nil {
		return err
	}
	elsewhere, err := t.pendingElsewhere(ctx)
	if err != nil {
		return err
	}
	var skipped []outcomeRow
	var later []dueRow
	keep := func(rows []deliveryRow) []deliveryRow {
		return slices.DeleteFunc(rows, func(d deliveryRow) bool {
			code, why := t.whyNot(d, recent[d.OpenID])
			switch {
			case code != 0:
				skipped = append(skipped, outcomeRow{OpenID: d.OpenID, State: wxcast.DeliverySkipped, ErrCode: code, ErrMsg: why})
			case elsewhere[d.OpenID] && !d.OpenSince.Valid: // else it may be out already
				later = append(later, dueRow{OpenID: d.OpenID})
			default:
				return false
			}
			return true
		})
	}
	t.due, t.fresh = keep(t.due), keep(t.fresh)
	c.Skipped = len(skipped) + len(later)
	if len(skipped) > 0 {
		if _, err := t.tx.ExecContext(ctx, t.db.q.RecordOutcomes, t.req.BroadcastID, jsonParam(skipped)); err != nil {
			return err
		}
	}
	if len(later) > 0 {
		if _, err := t.tx.ExecContext(ctx, t.db.q.ScheduleDeliveries, t.req.BroadcastID, t.now.Add(elsewhereRest), jsonParam(later)); err != nil {
			return err
		}
	}
	return nil
}

// whyNot is the reason to skip a delivery whose turn has come; 0 when there is none,
// or when WeChat may have the message already: then its outcome is what counts.
func (t *claimTx) whyNot(d deliveryRow, had messagesHad) (code int, why string) {
	if d.OpenSince.Valid {
		return 0, ""
	}
	day, week := t.req.Cap.Day, t.req.Cap.Week
	switch {
	case !d.Subscribed:
		return wxcast.ErrCodeUnfollowed, "no longer follows the account"
	case d.OptedOut:
		return wxcast.ErrCodeOptedOut, "asked for no more messages"
	case day > 0 && had.Day >= day:
		return wxcast.ErrCodeCapped, fmt.Sprintf("had %d messages in 24 hours; the frequency cap is %d", had.Day, day)
	case week > 0 && had.Week >= week:
		return wxcast.ErrCodeCapped, fmt.Sprintf("had %d messages in 7 days; the frequency cap is %d", had.Week, week)
	}
	return 0, ""
}

// messagesHad is how many messages of other broadcasts a person has had.
type messagesHad struct{ Day, Week int }

func (t *claimTx) recentMessages(ctx context.Context) (map[wxcast.OpenID]messagesHad, error) {
	if t.req.Cap.Day == 0 && t.req.Cap.Week == 0 {
		return nil, nil
	}
	var rows []struct {
		OpenID wxcast.OpenID `db:"openid"`
		messagesHad
	}
	err := t.tx.SelectContext(ctx, &rows, fmt.Sprintf(t.db.q.RecentMessages, t.db.engine.elements("$5")),
		t.b.AccountID, t.req.BroadcastID, t.now.Add(-24*time.Hour), t.now.Add(-7*24*time.Hour), t.openids())
	recent := make(map[wxcast.OpenID]messagesHad, len(rows))
	for _, r := range rows {
		recent[r.OpenID] = r.messagesHad
	}
	return recent, err
}

func (t *claimTx) pendingElsewhere(ctx context.Context) (map[wxcast.OpenID]bool, error) {
	var older bool
	if err := t.tx.GetContext(ctx, &older, t.db.q.AnyOlder, t.b.AccountID, t.req.BroadcastID, t.b.Priority, t.now.Add(-retrying)); err != nil || !older {
		return nil, err
	}
	var openids []wxcast.OpenID
	err := t.tx.SelectContext(ctx, &openids, fmt.Sprintf(t.db.q.PendingElsewhere, t.db.engine.elements("$5")),
		t.req.BroadcastID, t.b.AccountID, t.b.Priority, t.now.Add(-retrying), t.openids())
	elsewhere := make(map[wxcast.OpenID]bool, len(openids))
	for _, openid := range openids {
		elsewhere[openid] = true
	}
	return elsewhere, err
}

// openids are the claim's, as a JSON parameter.
func (t *claimTx) openids() string {
	all := make([]wxcast.OpenID, 0, len(t.due)+len(t.fresh))
	for _, rows := range [][]deliveryRow{t.due, t.fresh} {
		for _, d := range rows {
			all = append(all, d.OpenID)
		}
	}
	return jsonParam(all)
}

// elements is a subquery of a JSON array's texts.
func (e Engine) elements(param string) string {
	if e == SQLite {
		return "SELECT value FROM json_each(" + param + ")"
	}
	return "SELECT value FROM json_array_elements_text(" + param + "::json)"
}
