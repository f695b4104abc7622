package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

type actorKey struct{}

// As says who asks for what is done with ctx: "key NAME", "cli USER@HOST", or "job sync".
func As(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
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

// endWithin is how long the store may take to note what came of a change: a stop is not held
// up by it.
const endWithin = 2 * time.Second

// audited writes a change down before it is made, and then what came of it. What cannot be
// written down is not done.
func audited[T any](ctx context.Context, a *Account, action, target string, do func(*entry) (T, error)) (T, error) {
	var none T
	actor, ok := ctx.Value(actorKey{}).(string)
	if !ok {
		return none, errNobody
	}
	e := &entry{target: target}
	id, err := a.db.AddAudit(ctx, a.ID, wxcast.AuditEntry{Actor: actor, Action: action, Target: target})
	if err != nil {
		return none, err
	}
	out, err := do(e)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if endErr := a.db.EndAudit(ending, id, e.target, outcome(ctx, err)); endErr != nil {
		a.log.ErrorContext(ctx, "the end of a change was not written down", "actor", actor, "action", action, "err",
			endErr)
	}
	return out, err
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

// Audit reads the account's log, the latest first, from before an entry; 0 is the end.
func (a *Account) Audit(ctx context.Context, before int64, limit int) ([]wxcast.AuditEntry, error) {
	return a.db.Audit(ctx, a.ID, before, limit)
}
