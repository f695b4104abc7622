package account

import (
	"context"
	"sync"
	"time"
)

// listKept is how long a list of WeChat's templates is taken to be as it was: a call that asks for
// many kinds of messages would have WeChat asked for each.
const listKept = 5 * time.Second

// templateLists are those that were read lately, by the client that reads them.
type templateLists struct {
	mu sync.Mutex
	of map[any]templateList
}

type templateList struct {
	all any // a slice of the client's kind of templates
	at  time.Time
}

// listOf is a list of templates, which ask reads; one reads at a time.
func listOf[T any](ctx context.Context, l *templateLists, key any, ask func(context.Context) ([]T, error)) ([]T,
	error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.of[key]; ok && time.Since(known.at) < listKept {
		return known.all.([]T), nil
	}
	all, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	if l.of == nil {
		l.of = map[any]templateList{}
	}
	l.of[key] = templateList{all, time.Now()}
	return all, nil
}
