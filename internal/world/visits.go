package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/visit"
)

// aPersonsVisit is what a person may have done: come by the message of a wish.
type aPersonsVisit struct{ page, miniOpenID string }

// told is what came of it.
type told struct {
	answered bool // at least once: it must stand in the books
	counted  int  // how often the answer was that it is the first
}

// visits lets some come to the mini program by the messages that people have had. Of three, one
// comes twice, and one by the page of another's message, as pages are passed on.
func (w *world) visits(ctx context.Context, a Act) {
	var all []simulator.Message
	for m := range w.sim.Messages() {
		if strings.Contains(m.PagePath, visit.Param+"=") {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return
	}
	w.restarts.Go(func() {
		for i := range a.N {
			m := all[len(all)-1-(i*7)%len(all)]
			person := m.OpenID
			if mini := w.miniOf(person); mini != "" {
				person = mini
			}
			switch i % 3 {
			case 1:
				w.comes(ctx, person, m.PagePath, true)
			case 2:
				if other := w.sim.MiniOpenIDOf(i % w.plan.Followers); other != person {
					w.comes(ctx, other, m.PagePath, false)
				}
				continue
			}
			w.comes(ctx, person, m.PagePath, true)
		}
	})
}

// comes lets a person come by a message, theirs or not. Where nobody answers it is told again.
func (w *world) comes(ctx context.Context, miniOpenID, pagePath string, theirs bool) {
	page, mark, _ := strings.Cut(pagePath, "?"+visit.Param+"=")
	key := aPersonsVisit{page, miniOpenID}
	if theirs {
		w.mu.Lock()
		if w.came[key] == nil {
			w.came[key] = &told{}
		}
		w.mu.Unlock()
	}
	for range 10 {
		counted, err := w.tellVisit(ctx, miniOpenID, mark)
		if err != nil {
			w.note("  a visit: %v", err)
			wait(ctx, 3*time.Second)
			continue
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		switch is := w.came[key]; {
		case !theirs && !counted:
			w.seen[passedOn]++
		case !theirs:
			w.broken = append(w.broken, fmt.Sprintf("%s: %s came by another's message of %s", countsOnce, miniOpenID,
				page))
		default:
			w.seen[cameBy]++
			is.answered = true
			if counted {
				is.counted++
			}
		}
		return
	}
}

// countsOnce is what is promised of visits.
const countsOnce = "a visit counts once, for its person"

// tellVisit is what the mini program does when a page of a message opens: it logs in, and tells
// of the visit.
func (w *world) tellVisit(ctx context.Context, miniOpenID, mark string) (counted bool, err error) {
	code, ok := w.sim.NewLoginCode(miniOpenID)
	if !ok {
		return false, fmt.Errorf("%s is nobody", miniOpenID)
	}
	var session struct{ Session string }
	if err := w.ask(ctx, "/login", "", map[string]any{"code": code}, &session); err != nil {
		return false, err
	}
	var answer struct{ Counted bool }
	err = w.ask(ctx, "/visits", session.Session, map[string]any{visit.Param: mark, "scene": 1014}, &answer)
	return answer.Counted, err
}

// ask sends a request of the mini program's to whichever process takes it.
func (w *world) ask(ctx context.Context, path, session string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+wxcastHost+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if session != "" {
		r.Header.Set("Authorization", "Bearer "+session)
	}
	resp, err := w.phones.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(path + ": " + resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// checkVisit holds what the books say of one person's visit against what they did.
func (w *world) checkVisit(page, miniOpenID string, at *time.Time) {
	is := w.came[aPersonsVisit{page, miniOpenID}]
	switch {
	case is == nil && at != nil:
		w.broke(countsOnce, "%s is said to have come by %s, and did not", miniOpenID, page)
	case is != nil && is.answered && at == nil:
		w.broke(countsOnce, "%s came by %s, was answered, and it is not in the books", miniOpenID, page)
	case is != nil && is.counted > 1:
		w.broke(countsOnce, "%s came by %s, and it counted %d times", miniOpenID, page, is.counted)
	}
}
