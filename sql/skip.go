package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// elsewhereRest is how long after an older message to the same person is tried again a newer
// one is, and elsewhereMax how far ahead at the most: that one may have been sent long before. Those who
// wait are due at multiples of elsewhereTogether: one claim looks at all of them, and not one at each.
const (
	elsewhereRest     = 300 * time.Millisecond
	elsewhereMax      = 3 * time.Second
	elsewhereTogether = 500 * time.Millisecond
)

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
	blocked, err := t.blocked(ctx)
	if err != nil {
		return err
	}
	excluded, err := t.excluded(ctx)
	if err != nil {
		return err
	}
	if err := t.rememberOptOuts(ctx); err != nil {
		return err
	}
	if err := t.dismiss(ctx, c, func(d deliveryRow) (int, wxcast.Sentence, bool) {
		return t.whyNot(d, blocked[d.Recipient], excluded[d.Recipient], recent[d.Recipient])
	}); err != nil {
		return err
	}
	later := map[time.Time][]dueRow{}
	t.drop(func(d deliveryRow) bool {
		at := elsewhere[d.Recipient]
		if at.IsZero() || d.OpenSince.Valid { // it may be out already
			return false
		}
		later[at] = append(later[at], dueRow{DeliveryKey: d.key(), Keeps: true}) // it may be noted meanwhile
		return true
	})
	for until, rows := range later {
		c.Skipped += len(rows)
		if _, err := t.tx.ExecContext(ctx, t.db.q.ScheduleDeliveries, t.ref.AccountID, t.ref.ID, until,
			jsonParam(rows)); err != nil {
			return err
		}
	}
	return nil
}

// drop takes deliveries out of the claim.
func (t *claimTx) drop(out func(deliveryRow) bool) {
	t.due, t.fresh = slices.DeleteFunc(t.due, out), slices.DeleteFunc(t.fresh, out)
}

// dismiss takes those out of the claim who must not get the message, with a code for why. Whom
// this channel alone cannot reach, the next one takes; the others are skipped.
func (t *claimTx) dismiss(ctx context.Context, c *wxcast.Claim,
	whyNot func(deliveryRow) (code int, why wxcast.Sentence, otherwise bool)) error {
	var skipped []outcomeRow
	var falls []fallRow
	var unused []held
	t.drop(func(d deliveryRow) bool {
		code, why, otherwise := whyNot(d)
		switch {
		case code == 0:
			return false
		case otherwise && t.b.Next != "":
			falls = append(falls, fallRow{d.key(), fell(t.req.Channel.Name, code), nil})
		default:
			skipped = append(skipped, outcomeRow{DeliveryKey: d.key(), State: wxcast.DeliverySkipped, ErrCode: code,
				ErrMsg: why.Kept()})
		}
		if d.RightAt.Valid {
			delivery := d.delivery()
			unused = append(unused, held{t.req.Channel.ID(&delivery), jsonTime(d.RightAt.Time)})
		}
		return true
	})
	c.Skipped += len(skipped)
	c.FellThrough += len(falls)
	if len(skipped) > 0 {
		if _, err := t.tx.ExecContext(ctx, t.db.q.RecordOutcomes, t.ref.AccountID, t.ref.ID,
			jsonParam(skipped)); err != nil {
			return err
		}
		all := make([]told, len(skipped))
		for i, s := range skipped {
			what := toldWhat{t.ref.ID, t.req.Channel.Name, string(s.State), s.ErrCode}
			all[i] = told{toldWhat: what, Recipient: s.Recipient, Message: s.Message}
		}
		if err := t.db.tellDeliveries(ctx, t.tx, t.ref.AccountID, all); err != nil {
			return err
		}
	}
	if len(falls) > 0 {
		if _, err := t.tx.ExecContext(ctx, t.db.q.FallThrough, t.ref.AccountID, t.ref.ID, t.req.Channel.Name, t.b.Next,
			t.now, jsonParam(falls)); err != nil {
			return err
		}
	}
	return t.rights().giveBack(ctx, unused)
}

// whyNot is the reason to dismiss a delivery whose turn has come; 0 when there is none,
// or when WeChat may have the message already: then its outcome is what counts. otherwise
// tells that the reason is this channel's, and that another may reach the person.
func (t *claimTx) whyNot(d deliveryRow, blocked, excluded bool, had messagesHad) (code int, why wxcast.Sentence,
	otherwise bool) {
	if d.OpenSince.Valid {
		return 0, why, false
	}
	day, week := t.req.Cap.Day, t.req.Cap.Week
	if d.RightAt.Valid && t.ofMessages() { // it is counted itself
		had.Day, had.Week = had.Day-1, had.Week-1
	}
	switch {
	case d.ExpiresAt.Valid && !d.ExpiresAt.Time.After(t.now):
		return wxcast.ErrCodeExpired, wxcast.Say("skip.expired"), false
	case t.audience.Holdout > 0 && heldOut(t.ref, d.Recipient, t.audience.Holdout):
		return wxcast.ErrCodeHeldOut, wxcast.Say("skip.held_out"), false
	case d.OptedOut:
		return wxcast.ErrCodeOptedOut, wxcast.Say("skip.opted_out"), false
	case excluded:
		return wxcast.ErrCodeExcluded, wxcast.Say("skip.excluded"), false
	case day > 0 && had.Day >= day:
		return wxcast.ErrCodeCapped, wxcast.Say("skip.capped_day", "had", had.Day, "cap", day), false
	case week > 0 && had.Week >= week:
		return wxcast.ErrCodeCapped, wxcast.Say("skip.capped_week", "had", had.Week, "cap", week), false
	case !d.Subscribed && t.req.Channel.Right != wxcast.RightPermit:
		return wxcast.ErrCodeUnfollowed, wxcast.Say("skip.unfollowed"), true
	case blocked:
		return wxcast.ErrCodeBlocked, wxcast.Say("skip.blocked"), true
	}
	return 0, why, false
}

// heldOut tells whether a recipient is of the share that gets nothing: by chance, and always the
// same of one broadcast.
func heldOut(ref wxcast.BroadcastRef, recipient wxcast.Recipient, share float64) bool {
	sum := sha256.Sum256(fmt.Appendf(nil, "holdout %d %d %s", ref.AccountID, ref.ID, recipient))
	return float64(binary.BigEndian.Uint32(sum[:])) < share*(1<<32)
}

// rememberOptOuts marks those who follow nothing, were forgotten after they had opted out, and have come
// back. Followers are put on the list again when they are seen.
func (t *claimTx) rememberOptOuts(ctx context.Context) error {
	if !t.b.AnyForgotten {
		return nil
	}
	of, others := map[string]wxcast.Recipient{}, []wxcast.Recipient{}
	for _, d := range slices.Concat(t.due, t.fresh) {
		if !d.Subscribed {
			of[forgottenAs(string(d.Recipient))] = d.Recipient
			others = append(others, d.Recipient)
		}
	}
	if len(others) == 0 {
		return nil
	}
	var users []struct {
		MiniOpenID wxcast.Recipient `db:"mini_openid"`
		UnionID    string           `db:"unionid"`
	}
	if err := t.tx.SelectContext(ctx, &users, fmt.Sprintf(t.db.q.UnionIDsOfMiniUsers, t.db.engine.elements("$2")),
		t.b.MiniID, jsonParam(others)); err != nil {
		return err
	}
	for _, u := range users {
		of[forgottenAs(u.UnionID)] = u.MiniOpenID
	}
	var found []string
	if err := t.tx.SelectContext(ctx, &found, fmt.Sprintf(t.db.q.ForgottenAmong, t.db.engine.elements("$2")),
		t.ref.AccountID, jsonParam(slices.Collect(maps.Keys(of)))); err != nil {
		return err
	}
	optedOut := map[wxcast.Recipient]bool{}
	for _, hash := range found {
		optedOut[of[hash]] = true
	}
	for _, rows := range [][]deliveryRow{t.due, t.fresh} {
		for i, d := range rows {
			rows[i].OptedOut = d.OptedOut || optedOut[d.Recipient]
		}
	}
	return nil
}

// excluded are those who got, or are to get, what the audience rules out: other broadcasts may
// have fixed their recipients, and sent to them, since this one fixed its own.
func (t *claimTx) excluded(ctx context.Context) (map[wxcast.Recipient]bool, error) {
	a := t.audience
	if len(a.NotOfBroadcasts) == 0 && a.NotMessagedSince.IsZero() {
		return nil, nil
	}
	since := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) // no such time
	if !a.NotMessagedSince.IsZero() {
		since = a.NotMessagedSince.UTC()
	}
	query := fmt.Sprintf(t.db.q.Messaged, t.db.engine.elements("$5"), t.db.engine.oneOf("$3"))
	var found []wxcast.Recipient
	err := t.tx.SelectContext(ctx, &found, query, t.ref.AccountID, t.ref.ID, jsonParam(texts(a.NotOfBroadcasts)), since,
		t.recipients())
	return setOf(found), err
}

// messagesHad is how many messages of other broadcasts a person has had.
type messagesHad struct{ Day, Week int }

func (t *claimTx) recentMessages(ctx context.Context) (map[wxcast.Recipient]messagesHad, error) {
	if t.req.Cap.Day == 0 && t.req.Cap.Week == 0 {
		return nil, nil
	}
	var rows []struct {
		Recipient wxcast.Recipient
		messagesHad
	}
	from, err := t.db.recentFrom(ctx, t.tx, t.ref.AccountID)
	if err != nil {
		return nil, err
	}
	own := t.ref.ID
	if t.ofMessages() { // of which a person may have had several
		own = 0
	}
	err = t.tx.SelectContext(ctx, &rows, fmt.Sprintf(t.db.q.RecentMessages, t.db.engine.elements("$5")),
		t.ref.AccountID, own, t.now.Add(-24*time.Hour), t.now.Add(-7*24*time.Hour), t.recipients(), from)
	recent := make(map[wxcast.Recipient]messagesHad, len(rows))
	for _, r := range rows {
		recent[r.Recipient] = r.messagesHad
	}
	return recent, err
}

// pendingElsewhere tells of those to whom an older message is being tried again until when
// they wait. Messages that leave in the same moment have no order.
func (t *claimTx) pendingElsewhere(ctx context.Context) (map[wxcast.Recipient]time.Time, error) {
	if t.ofMessages() || !t.b.AnyOlder { // messages wait for nobody
		return nil, nil
	}
	var rows []struct {
		Recipient wxcast.Recipient
		Next      time.Time `db:"next_attempt_at"`
	}
	if err := t.tx.SelectContext(ctx, &rows, fmt.Sprintf(t.db.q.PendingElsewhere, t.db.engine.elements("$5")),
		t.ref.AccountID, t.ref.ID, t.b.Priority, t.now.Add(-retrying), t.recipients()); err != nil {
		return nil, err
	}
	until := make(map[wxcast.Recipient]time.Time, len(rows))
	for _, r := range rows {
		at := r.Next.UTC()
		if at.Before(t.now) { // due, and its turn has not come: it is not waited for in a circle
			at = t.now
		}
		if most := t.now.Add(elsewhereMax); at.After(most) {
			at = most
		}
		at = at.Add(elsewhereRest + elsewhereTogether).Truncate(elsewhereTogether)
		if at.After(until[r.Recipient]) {
			until[r.Recipient] = at
		}
	}
	return until, nil
}

// blockedFor is how long a person who refused a template is left out of it: WeChat does
// not tell when they change their mind.
const blockedFor = 30 * 24 * time.Hour

// blocked are those who refused the template of this broadcast.
func (t *claimTx) blocked(ctx context.Context) (map[wxcast.Recipient]bool, error) {
	if !t.b.AnyBlocks {
		return nil, nil
	}
	return t.among(ctx, t.db.q.FindBlocks, t.ref.AccountID, t.ref.ID, t.req.Channel.Name, t.now.Add(-blockedFor),
		t.recipients())
}

// among runs a query whose $5 are the claim's recipients, and returns which of them it finds.
func (t *claimTx) among(ctx context.Context, query string, args ...any) (map[wxcast.Recipient]bool, error) {
	var found []wxcast.Recipient
	err := t.tx.SelectContext(ctx, &found, fmt.Sprintf(query, t.db.engine.elements("$5")), args...)
	return setOf(found), err
}

func setOf(found []wxcast.Recipient) map[wxcast.Recipient]bool {
	set := make(map[wxcast.Recipient]bool, len(found))
	for _, r := range found {
		set[r] = true
	}
	return set
}

// recipients are the claim's, as a JSON parameter.
func (t *claimTx) recipients() string {
	all := make([]wxcast.Recipient, 0, len(t.due)+len(t.fresh))
	for _, rows := range [][]deliveryRow{t.due, t.fresh} {
		for _, d := range rows {
			all = append(all, d.Recipient)
		}
	}
	return jsonParam(all)
}
