package account_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/sql/storetest"
)

// open opens a simulated account with a few followers on an empty store.
func open(t *testing.T, url string) (*account.Account, *simulator.Server) {
	t.Helper()
	return openWith(t, url, nil)
}

// columns are those of the simulator's mini users.
var columns = bridge.Columns{UnionID: "unionid", OpenID: "openid"}

// openWith is open with more of the environment.
func openWith(t *testing.T, url string, more map[string]string) (*account.Account, *simulator.Server) {
	t.Helper()
	sim := simulator.New(simulator.Options{Followers: 30, Seed: 5,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	t.Cleanup(sim.Close)
	platform := httptest.NewServer(sim)
	t.Cleanup(platform.Close)
	env := map[string]string{
		"WXCAST_DATABASE_URL": url, "WXCAST_API_BASE": platform.URL, "WXCAST_APPID": sim.AppID,
		"WXCAST_SECRET":     sim.Secret,
		"WXCAST_TOKEN":      sim.Token,
		"WXCAST_MINI_APPID": sim.MiniAppID,
	}
	maps.Copy(env, more)
	cfg, err := config.Load(config.Sources{File: os.DevNull, Env: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	system := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(system.Close)
	cfg.Webhooks = config.Webhooks{AllowPrivate: true, Endpoints: []config.Webhook{{Name: "crm",
		URL: config.Secret(system.URL), Secret: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}}
	a, err := account.Open(t.Context(), cfg, cfg.Accounts[0], slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.CloseAll)
	return a, sim
}

// reads are the use cases that change nothing and hand out nothing that is not everybody's,
// and what is no use case.
var reads = []string{
	"PermitStatus", "Audit", "AuditOf", "Overview", "BroadcastPage", "BroadcastAsStored", "Summary", "Templates", "Approval", "WaitingApprovals", "Draft", "Drafts", "CountDraft", "FixRecipients",
	// What it changes is tried in TestAnotherUserLetsABroadcastBegin.
	"DecideApproval",
	// And this one in TestACanaryIsReleased.
	"ReleaseCanary",
	// PreviewBroadcast, TestBroadcast and CreateBroadcast write themselves down.
	"PreviewDraft", "TestDraft", "SubmitDraft",
	"VerifyAudit", "Refused",
	// By a key of its own scope, over and over: an entry for each call would bury the others.
	"Events", "Webhooks", "WebhookSenders", "Relays",
	// What people did, told by the company's programs over and over.
	"AddGoals", "AddVisit",
	"Testers", "Days", "Broadcast", "BroadcastProgress", "Broadcasts", "Describe", "Jobs", "Keys", "Report", "ReportDays",
	"ReportPage",
	"SyncRuns", "WriteReport",
	"CanCall", "Client", "Close", "CloseAll", "MiniProgram", "Name", "Now", "Schedule", "Serve", "Teller",
	// Work that nobody asks for: broadcasts that somebody created, and counts.
	"KeepBroadcasts", "KeepCalls", "TellGuesses", "RunMessages",
	// Messages bear themselves who asked for them: a line of the log each would be as many again.
	"Message", "SendMessage", "SendMessages", "WaitForMessage",
	"Preset", "Presets",
}

// Each method of an account is a read, or writes itself down: a new one that does neither
// fails here, and so does one that is done although nobody is said to ask for it.
func TestEveryChangeIsWrittenDown(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a, sim := open(t, url)
		ctx := account.As(t.Context(), "tester", "192.0.2.7")
		changes := changesOf(t, a, sim)
		all := reflect.TypeFor[*account.Account]()
		for i := range all.NumMethod() {
			name := all.Method(i).Name
			known := slices.ContainsFunc(changes, func(c change) bool { return c.method == name })
			if !known && !slices.Contains(reads, name) {
				t.Errorf("Account.%s is neither among the reads nor tried here: a use case that changes something must be audited", name)
			}
		}
		for _, c := range changes {
			// Without somebody who asks, nothing is done.
			if err := c.do(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody asked for") {
				t.Errorf("%s is done although nobody asked for it: %v", c.method, err)
			}
			if err := c.do(ctx); err != nil {
				t.Errorf("%s: %v", c.method, err)
			}
			entries, err := a.Audit(t.Context(), 0, 1, "")
			if err != nil || len(entries) != 1 || entries[0].Action != c.action || entries[0].Actor != "tester" ||
				entries[0].Outcome != "done" {
				t.Errorf("%s: the log's last entry is %+v (%v), want %s by tester, done", c.method, entries, err,
					c.action)
			}
		}
		if _, err := a.PauseBroadcast(ctx, 99); err == nil {
			t.Error("a broadcast that is not there is paused")
		}
		if entries, _ := a.Audit(t.Context(), 0, 1, ""); entries[0].Outcome != "not found" ||
			entries[0].Target != "broadcast 99" {
			t.Errorf("a change that failed is written down as %+v", entries[0])
		}
	})
}

// draftOf is what a user writes.
func draftOf(sim *simulator.Server, name string) string {
	return fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\nrate: 1000\n", name,
		sim.TemplateID)
}

type change struct {
	method, action string
	do             func(context.Context) error
}

// changesOf are all changes, in an order in which each can be made.
func changesOf(t *testing.T, a *account.Account, sim *simulator.Server) []change {
	t.Helper()
	var csv bytes.Buffer
	if err := sim.WriteMiniUsers(&csv); err != nil {
		t.Fatal(err)
	}
	openid, _ := sim.FollowerIDs(3)
	somebody, _ := sim.FollowerIDs(7)
	who := account.Asker{Say: func(wxcast.Sentence) {}}
	sending := account.Sending{Asker: who}
	a.Serve(account.Serving{StartJob: func(string) bool { return true }})
	spec := func(name string) account.Spec {
		path := filepath.Join(t.TempDir(), name+".yaml")
		text := fmt.Sprintf("name: %s\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\nrate: 1000\n",
			name, sim.TemplateID)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := account.ReadSpec(account.SpecFile{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, second := spec("first"), spec("second")
	preset := fmt.Appendf(nil, "template: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n", sim.TemplateID)
	rate := 900.0
	return []change{
		{"TestWebhook", "test-webhook", func(ctx context.Context) error {
			_, err := a.TestWebhook(ctx, "crm")
			return err
		}},
		{"ResumeWebhook", "resume-webhook", func(ctx context.Context) error {
			_, err := a.ResumeWebhook(ctx, "crm", "")
			return err
		}},
		{"Sync", "sync", func(ctx context.Context) error {
			_, err := a.Sync(ctx, wxcast.SyncIncremental, false, nil)
			return err
		}},
		{"ImportMiniUsers", "import-mini-users", func(ctx context.Context) error {
			_, err := a.ImportMiniUsers(ctx, bridge.ReadFile(bytes.NewReader(csv.Bytes()), "mini.csv", columns),
				account.ImportOptions{Source: "mini.csv", Reject: func(bridge.Rejected) {}})
			return err
		}},
		{"ImportFile", "import-mini-users", func(ctx context.Context) error {
			_, err := a.ImportFile(ctx, bytes.NewReader(csv.Bytes()), columns,
				account.ImportOptions{Source: "mini.csv"})
			return err
		}},
		{"Join", "join", func(ctx context.Context) error { _, err := a.Join(ctx, ""); return err }},
		{"TestBroadcast", "test-broadcast", func(ctx context.Context) error {
			_, err := a.TestBroadcast(ctx, first, []string{openid})
			return err
		}},
		{"PreviewBroadcast", "preview-broadcast", func(ctx context.Context) error {
			_, err := a.PreviewBroadcast(ctx, first, 1)
			return err
		}},
		{"CreateBroadcast", "create-broadcast", func(ctx context.Context) error {
			_, err := a.CreateBroadcast(ctx, first, account.Begin{Draft: true}, who)
			return err
		}},
		{"StartBroadcast", "start-broadcast", func(ctx context.Context) error {
			_,
				err := a.StartBroadcast(ctx, 1)
			return err
		}},
		{"PauseBroadcast", "pause-broadcast", func(ctx context.Context) error {
			_,
				err := a.PauseBroadcast(ctx, 1)
			return err
		}},
		{"ResumeBroadcast", "resume-broadcast", func(ctx context.Context) error {
			_,
				err := a.ResumeBroadcast(ctx, 1)
			return err
		}},
		{"SteerBroadcast", "steer-broadcast", func(ctx context.Context) error {
			_, err := a.SteerBroadcast(ctx, 1, account.Steering{Rate: &rate})
			return err
		}},
		{"CancelBroadcast", "cancel-broadcast", func(ctx context.Context) error {
			_,
				err := a.CancelBroadcast(ctx, 1, "enough")
			return err
		}},
		{"RunBroadcast", "run-broadcast", func(ctx context.Context) error {
			sim.SetKnobs(func(k *simulator.Knobs) { k.RefuseSend = 43101 })
			sent, err := a.RunBroadcast(ctx, second, sending)
			if err == nil && sent.State != wxcast.BroadcastDone {
				err = fmt.Errorf("it is %s", sent.State)
			}
			return err
		}},
		{"RunRetry", "retry-broadcast", func(ctx context.Context) error {
			_, err := a.RunRetry(ctx, 2, nil, sending)
			return err
		}},
		{"RetryBroadcast", "retry-broadcast", func(ctx context.Context) error {
			_, err := a.RetryBroadcast(ctx, 2, nil, who)
			return err
		}},
		{"PauseBroadcast", "pause-broadcast", func(ctx context.Context) error {
			_,
				err := a.PauseBroadcast(ctx, 4)
			return err
		}},
		{"ContinueBroadcast", "resume-broadcast", func(ctx context.Context) error {
			_, err := a.ContinueBroadcast(ctx, "resume", 4, sending, wxcast.BroadcastPaused)
			return err
		}},
		{"AddTesters", "add-testers", func(ctx context.Context) error {
			_, err := a.AddTesters(ctx, []string{openid})
			return err
		}},
		{"RemoveTesters", "remove-testers", func(ctx context.Context) error {
			_, err := a.RemoveTesters(ctx, []string{openid})
			return err
		}},
		{"TesterCode", "tester-code", func(ctx context.Context) error {
			_, err := a.TesterCode(ctx)
			return err
		}},
		{"AddOptOuts", "add-optouts", func(ctx context.Context) error {
			_,
				err := a.AddOptOuts(ctx, []string{openid})
			return err
		}},
		{"RemoveOptOuts", "remove-optouts", func(ctx context.Context) error {
			_,
				err := a.RemoveOptOuts(ctx, []string{openid})
			return err
		}},
		{"ImportOptOuts", "import-optouts", func(ctx context.Context) error {
			_,
				err := a.ImportOptOuts(ctx, []string{openid})
			return err
		}},
		{"ExportOptOuts", "export-optouts", func(ctx context.Context) error {
			_,
				err := a.ExportOptOuts(ctx, "csv", io.Discard)
			return err
		}},
		{"ExportDeliveries", "export-deliveries", func(ctx context.Context) error {
			_, err := a.ExportDeliveries(ctx, 2, "csv", io.Discard)
			return err
		}},
		{"ExportFollowers", "export-followers", func(ctx context.Context) error {
			_, err := a.ExportFollowers(ctx, account.FollowerFilter{}, "jsonl", io.Discard)
			return err
		}},
		{"ImportPermits", "import-permits", func(ctx context.Context) error {
			ledger := strings.NewReader("mini_openid,template_id,count\nm1,T1,2\n")
			_, err := a.ImportPermits(ctx, "", ledger, "permits.csv")
			return err
		}},
		{"Permits", "get-permits", func(ctx context.Context) error { _, err := a.Permits(ctx, "", "m1"); return err }},
		{"ExportPermits", "export-permits", func(ctx context.Context) error {
			_, err := a.ExportPermits(ctx, "", "csv", io.Discard)
			return err
		}},
		{"Knows", "find-people", func(ctx context.Context) error { _, err := a.Knows(ctx, "x"); return err }},
		{"FindPeople", "find-people", func(ctx context.Context) error { _, err := a.FindPeople(ctx, "x"); return err }},
		{"EventGroups", "list-events", func(ctx context.Context) error {
			_, _, err := a.EventGroups(ctx, 0, []string{"broadcast"}, 10)
			return err
		}},
		{"PickDeliveries", "list-deliveries", func(ctx context.Context) error {
			_, _, err := a.PickDeliveries(ctx, 1, account.DeliveryPick{Limit: 10})
			return err
		}},
		{"Person", "get-person", func(ctx context.Context) error { _, err := a.Person(ctx, openid); return err }},
		{"ForgetPerson", "forget-person", func(ctx context.Context) error {
			_,
				err := a.ForgetPerson(ctx, openid)
			return err
		}},
		{"CreateKey", "create-key", func(ctx context.Context) error {
			_, _, err := a.CreateKey(ctx, account.NewKey{Name: "ci", Scopes: []string{"read"}})
			return err
		}},
		{"RevokeKey", "revoke-key", func(ctx context.Context) error { return a.RevokeKey(ctx, "ci") }},
		{"StartJob", "start-job", func(ctx context.Context) error { return a.StartJob(ctx, "sync") }},
		{"AccessToken", "get-access-token", func(ctx context.Context) error {
			_,
				err := a.AccessToken(ctx, "")
			return err
		}},
		{"PutPreset", "put-preset", func(ctx context.Context) error {
			_, err := a.PutPreset(ctx, "order", "order.yaml", preset, nil)
			return err
		}},
		{"CancelMessage", "cancel-message", func(ctx context.Context) error {
			later := a.Now().Add(time.Hour).Format(time.RFC3339)
			m, err := a.SendMessage(ctx, account.MessageRequest{Preset: "order", To: somebody, At: later})
			if err == nil {
				_, err = a.CancelMessage(ctx, m.ID)
			}
			return err
		}},
		{"NewDraft", "new-draft", func(ctx context.Context) error {
			_, err := a.NewDraft(ctx, draftOf(sim, "third"))
			return err
		}},
		{"ChangeDraft", "change-draft", func(ctx context.Context) error {
			return a.ChangeDraft(ctx, 1, 1, draftOf(sim, "fourth"))
		}},
		{"PutDraftFile", "put-draft-file", func(ctx context.Context) error {
			return a.PutDraftFile(ctx, 1, 2, "people.csv", []byte("openid\n"))
		}},
		{"CopyBroadcast", "copy-broadcast", func(ctx context.Context) error {
			_, err := a.CopyBroadcast(ctx, 1)
			return err
		}},
		{"RemoveDraft", "remove-draft", func(ctx context.Context) error { return a.RemoveDraft(ctx, 2) }},
		{"AskApproval", "ask-approval", func(ctx context.Context) error {
			d, err := a.Draft(ctx, 1)
			if err != nil {
				return err
			}
			b, err := a.SubmitDraft(ctx, 1, d.Version, who)
			if err == nil {
				err = a.FixRecipients(ctx, b.ID)
			}
			if err != nil {
				return err
			}
			return a.AskApproval(ctx, b.ID)
		}},
		{"ScheduleBroadcast", "schedule-broadcast", func(ctx context.Context) error {
			all, err := a.Broadcasts(ctx)
			if err != nil {
				return err
			}
			_, err = a.ScheduleBroadcast(ctx, all[0].ID, a.Now().In(wxcast.Beijing).Add(time.Hour).Format("2006-01-02 15:04"))
			return err
		}},
		{"RemovePreset", "remove-preset", func(ctx context.Context) error { return a.RemovePreset(ctx, "order") }},
	}
}
