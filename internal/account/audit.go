package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/siem"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

type actorKey struct{}

// asked is who asks, and from where.
type asked struct{ actor, origin string }

// As says who asks for what is done with ctx: "key NAME", "cli USER@HOST", or "job sync"; and
// from where: an address, or the name of a machine.
func As(ctx context.Context, actor, origin string) context.Context {
	return context.WithValue(ctx, actorKey{}, asked{actor, origin})
}

// userActor begins the actor of what a user of the console asks for.
const userActor = "user "

// AsUser is As for a user of the console.
func AsUser(ctx context.Context, name, origin string) context.Context {
	return As(ctx, UserActor(name), origin)
}

// UserActor is a user of the console as the audit log names them.
func UserActor(name string) string { return userActor + name }

// askedBy is who asks for what is done with ctx.
func askedBy(ctx context.Context) string {
	by, _ := ctx.Value(actorKey{}).(asked)
	return by.actor
}

type maskedKey struct{}

// Masked says that who asks may not see people: what is done with ctx shows nobody's ids and
// values.
func Masked(ctx context.Context) context.Context { return context.WithValue(ctx, maskedKey{}, true) }

func masked(ctx context.Context) bool { return ctx.Value(maskedKey{}) != nil }

// errNobody: a door forgot to say who asks. It is a mistake in the program.
var errNobody = errors.New("a change that nobody asked for: the door did not say who (account.As)")

// entry is a change's line in the audit log while the change is made.
type entry struct{ target string }

// about says what the change turned out to be about; never a person's id.
func (e *entry) about(format string, args ...any) { e.target = fmt.Sprintf(format, args...) }

// subjectsNamed is how many people an entry names at most, each by a hash: more are a number.
const subjectsNamed = 20

// subjects are people's names in the log: a hash of each id.
func (a *Account) subjects(ctx context.Context, ids []string) (string, error) {
	if len(ids) > subjectsNamed {
		return "", nil
	}
	named := make([]string, len(ids))
	for i, id := range ids {
		var err error
		if named[i], err = a.db.AuditSubject(ctx, a.ID, id); err != nil {
			return "", err
		}
	}
	return strings.Join(named, " "), nil
}

// endWithin is how long the store may take to note what came of a change: a stop is not held
// up by it.
const endWithin = 2 * time.Second

// audited writes a change down before it is made, and then what came of it. What cannot be
// written down is not done.
func audited[T any](ctx context.Context, a *Account, action, target string, do func(*entry) (T, error)) (T, error) {
	return auditedOf(ctx, a, action, target, nil, do)
}

// auditedOf is audited for what is about people, by their ids: the log has hashes of them.
func auditedOf[T any](ctx context.Context, a *Account, action, target string, ids []string,
	do func(*entry) (T, error)) (T, error) {
	var none T
	by, ok := ctx.Value(actorKey{}).(asked)
	if !ok {
		return none, errNobody
	}
	subject, err := a.subjects(ctx, ids)
	if err != nil {
		return none, err
	}
	line := wxcast.AuditEntry{Actor: by.actor, Origin: by.origin, Action: action, Target: target, Subject: subject}
	begun, err := a.write(ctx, line)
	if err != nil {
		return none, err
	}
	e := &entry{target: target}
	out, err := do(e)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	line.Target, line.Outcome, line.Ends = e.target, outcome(ctx, err), begun.ID
	if _, endErr := a.write(ending, line); endErr != nil {
		a.log.ErrorContext(ctx, "the end of a change was not written down", "actor", by.actor, "action", action, "err",
			endErr)
	}
	return out, err
}

// write puts an entry into the log, and hands it on to who else keeps it.
func (a *Account) write(ctx context.Context, e wxcast.AuditEntry) (wxcast.AuditEntry, error) {
	e, err := a.db.AddAudit(ctx, a.ID, e)
	if err == nil && a.siem != nil {
		a.siem.Write(siem.Event{Account: a.Name(), AuditEntry: e})
	}
	return e, err
}

// Refused writes down that somebody was not let do something.
func (a *Account) Refused(ctx context.Context, actor, origin, action string) error {
	_, err := a.write(ctx, wxcast.AuditEntry{Actor: actor, Origin: origin, Action: action, Outcome: "refused"})
	return err
}

// auditedOnly is audited for what returns nothing.
func auditedOnly(ctx context.Context, a *Account, action, target string, do func(*entry) error) error {
	_, err := audited(ctx, a, action, target, func(e *entry) (struct{}, error) { return struct{}{}, do(e) })
	return err
}

// outcome is how a change ended, in a word.
func outcome(ctx context.Context, err error) string {
	var bad *wxcast.BadInput
	var missing *NotFound
	var refused *Conflict
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &bad):
		return "bad input"
	case errors.As(err, &missing):
		return "not found"
	case errors.As(err, &refused):
		return "conflict"
	case ctx.Err() != nil:
		return "interrupted"
	}
	return "failed"
}

// Audit reads the account's log, the latest first, from before an entry; 0 is the end. of is
// a person's id, or "" for all.
func (a *Account) Audit(ctx context.Context, before int64, limit int, of string) ([]wxcast.AuditEntry, error) {
	if of != "" {
		var err error
		if of, err = a.db.AuditSubject(ctx, a.ID, of); err != nil {
			return nil, err
		}
	}
	return a.db.Audit(ctx, a.ID, before, limit, of)
}

// AuditOf reads the latest entries that are about a thing of a kind, by its number: who did
// what with broadcast 3.
func (a *Account) AuditOf(ctx context.Context, kind string, id int64, limit int) ([]wxcast.AuditEntry, error) {
	return a.db.AuditOf(ctx, a.ID, fmt.Sprintf("%s %d", kind, id), limit)
}

// AuditCheck is what came of checking the log.
type AuditCheck struct {
	OK bool `json:"ok"`
	wxcast.AuditCheck
	Why string `json:"why,omitempty"` // in English
}

var auditHead = regexp.MustCompile(`^[0-9]{1,18}:[0-9a-f]{64}$`)

// VerifyAudit looks whether the account's log is as it was written. head is one that an
// earlier check told, or "".
func (a *Account) VerifyAudit(ctx context.Context, head string) (AuditCheck, error) {
	if head != "" && !auditHead.MatchString(head) {
		return AuditCheck{}, &wxcast.BadInput{Key: "head", Problem: wxcast.Say("audit.bad_head"),
			Want: wxcast.Say("audit.want_head")}
	}
	check, err := a.db.CheckAudit(ctx, a.ID, head)
	out := AuditCheck{OK: check.Broken == nil, AuditCheck: check}
	if check.Broken != nil {
		out.Why = text.English.Say(*check.Broken)
	}
	return out, err
}
