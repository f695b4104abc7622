package account_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Where the company asks for four eyes, nobody lets their own broadcast begin, and what was
// approved is what goes out.
func TestAnotherUserLetsABroadcastBegin(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a, sim := openWith(t, url, map[string]string{"WXCAST_CONSOLE_APPROVE_ABOVE": "5"})
		user := func(name string) context.Context { return account.AsUser(t.Context(), name, "192.0.2.7") }
		refused := func(what string, err error, why string) {
			t.Helper()
			if err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil), why) {
				t.Errorf("%s: %v, want %q", what, err, why)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Sync(user("han"), wxcast.SyncIncremental, false, nil); err != nil {
			t.Fatal(err)
		}
		var csv strings.Builder
		must(sim.WriteMiniUsers(&csv))
		_, err := a.ImportFile(user("han"), strings.NewReader(csv.String()), columns,
			account.ImportOptions{Source: "mini.csv"})
		must(err)

		id, err := a.NewDraft(user("han"), draftOf(sim, "sale"))
		must(err)
		must(a.ChangeDraft(user("li"), id, 1, draftOf(sim, "spring-sale")))
		refused("a change of what somebody has changed", a.ChangeDraft(user("han"), id, 1, draftOf(sim, "other")),
			"somebody else has changed")
		who := account.Asker{Say: func(wxcast.Sentence) {}}
		_, err = a.SubmitDraft(user("han"), id, 1, who)
		refused("what was changed meanwhile is submitted", err, "somebody else has changed")
		b, err := a.SubmitDraft(user("han"), id, 2, who)
		must(err)
		_, err = a.Draft(user("han"), id)
		refused("a draft that was submitted", err, "there is no draft")

		refused("asked before it is counted", a.AskApproval(user("han"), b.ID), "still being counted")
		must(a.FixRecipients(user("han"), b.ID))
		s, err := a.Approval(user("han"), b.ID)
		must(err)
		if !s.Needed || s.Good || s.Recipients < 6 {
			t.Fatalf("%+v", s)
		}
		_, err = a.StartBroadcast(user("han"), b.ID)
		refused("begun without approval", err, "another user has to approve")
		_, err = a.ScheduleBroadcast(user("han"), b.ID, "2030-01-01 10:00")
		refused("scheduled without approval", err, "another user has to approve")
		refused("approved though nobody asked", a.DecideApproval(user("wei"), b.ID, true, s.Recipients, ""),
			"nobody asks")
		must(a.AskApproval(user("han"), b.ID))
		for _, maker := range []string{"han", "li"} {
			refused(maker+" approves", a.DecideApproval(user(maker), b.ID, true, s.Recipients, ""),
				"somebody else decides")
		}
		refused("approved with another number", a.DecideApproval(user("wei"), b.ID, true, s.Recipients-1, ""),
			"not the number")
		must(a.DecideApproval(user("wei"), b.ID, false, 0, "typo"))
		_, err = a.StartBroadcast(user("han"), b.ID)
		refused("begun though it was refused", err, "another user has to approve")
		must(a.AskApproval(user("han"), b.ID))
		must(a.DecideApproval(user("wei"), b.ID, true, s.Recipients, ""))
		started, err := a.StartBroadcast(user("han"), b.ID)
		if err != nil || started.State != wxcast.BroadcastRunning || started.Recipients != s.Recipients {
			t.Errorf("%+v %v", started, err)
		}
		// A key's owner is no user: who makes keys decides what they may begin.
		other, err := a.NewDraft(user("han"), draftOf(sim, "by-a-program"))
		must(err)
		b, err = a.SubmitDraft(user("han"), other, 1, who)
		must(err)
		if _, err := a.StartBroadcast(account.As(t.Context(), "key ci", "192.0.2.7"), b.ID); err != nil {
			t.Error(err)
		}
	})
}
