package account

import (
	"errors"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// NotFound says that there is no such thing.
type NotFound struct{ wxcast.SaidError }

// Conflict says that a thing's state does not allow what was asked for.
type Conflict struct{ wxcast.SaidError }

func notFound(code string, pairs ...any) error {
	return &NotFound{*wxcast.NewError(code, pairs...)}
}

func conflict(code string, pairs ...any) error {
	return &Conflict{*wxcast.NewError(code, pairs...)}
}

// nobody is the answer for an id that is not in the database.
func nobody(id string) error { return notFound("account.nobody", "id", id) }

// Advice is what to do about an error, where we know; zero where not.
func Advice(err error) wxcast.Sentence {
	if e, ok := wechat.Explain(wechat.CodeOf(err)); ok {
		return wxcast.Say("advice.errcode", "meaning", e.Meaning, "advice", e.Advice)
	}
	for sentinel, code := range map[error]string{
		store.ErrUnreachable: "advice.unreachable", store.ErrDiskFull: "advice.disk_full",
		store.ErrSchemaNewer: "advice.schema_newer", store.ErrSchemaOlder: "advice.schema_older",
	} {
		if errors.Is(err, sentinel) {
			return wxcast.Say(code)
		}
	}
	if errors.Is(err, broadcast.ErrNotRecorded) {
		return wxcast.Say("advice.not_recorded")
	}
	return wxcast.Sentence{}
}
