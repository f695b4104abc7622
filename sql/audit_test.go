package store_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/seal"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// dataKeys are keys of 32 equal letters each, the first in use.
func dataKeys(t *testing.T, letters string) seal.Keys {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data.key")
	var lines strings.Builder
	for _, letter := range letters {
		lines.WriteString(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(letter), 32))) + "\n")
	}
	must(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	keys, err := seal.Load(file)
	must(t, err)
	return keys
}

func TestTheAuditLogCannotBeChangedUnnoticed(t *testing.T) {
	for name, harm := range map[string]struct {
		do   string
		want string
		at   int64
	}{
		"nothing":        {"", "", 0},
		"a word changed": {"UPDATE audit_log SET actor = 'somebody else' WHERE seq = 5", "audit.changed", 5},
		"a time changed": {"UPDATE audit_log SET at = (SELECT at FROM audit_log WHERE seq = 2) WHERE seq = 5",
			"audit.changed", 5},
		"one gone from the middle": {"DELETE FROM audit_log WHERE seq = 5", "audit.gap", 6},
		"the first ones gone":      {"DELETE FROM audit_log WHERE seq <= 5", "audit.cut", 6},
		"the last ones gone":       {"DELETE FROM audit_log WHERE seq >= 9", "audit.no_head", 10},
		"an outcome put in":        {"UPDATE audit_log SET outcome = 'refused' WHERE seq = 10", "audit.changed", 10},
		"two exchanged": {"UPDATE audit_log SET seq = CASE seq WHEN 5 THEN 105 ELSE 5 END WHERE seq IN (5, 6)",
			"audit.changed", 5},
		"a hash made without a key": {"UPDATE audit_log SET key_id = '', hash = prev WHERE seq = 10", "audit.unkeyed",
			10},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachURL(t, func(t *testing.T, url string) {
				db, err := store.Open(t.Context(), url)
				must(t, err)
				defer db.Close()
				db.SealWith(dataKeys(t, "a"))
				w := newWorld(t, db)
				for i := range 10 {
					_, err := w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Actor: "key ci", Origin: "192.0.2.1",
						Action: "sync", Target: fmt.Sprint(i), Outcome: "done"})
					must(t, err)
				}
				before, err := w.CheckAudit(t.Context(), w.account, "")
				if err != nil || before.Broken != nil || before.Entries != 10 || before.KeyedFrom != 1 {
					t.Fatalf("%+v %v", before, err)
				}
				if harm.do != "" {
					w.Exec(t, harm.do)
				}
				db.SealWith(dataKeys(t, "ba")) // rotated since
				check, err := w.CheckAudit(t.Context(), w.account, before.Head)
				must(t, err)
				got := ""
				if check.Broken != nil {
					got = check.Broken.Code
				}
				if got != harm.want || check.At != harm.at {
					t.Errorf("it says %q at %d, want %q at %d", got, check.At, harm.want, harm.at)
				}
			})
		})
	}
}

// A data key that comes later holds from then on; entries without it after that are not ours.
func TestEntriesWithoutTheKeyAreFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		add := func(keys seal.Keys) {
			t.Helper()
			db.SealWith(keys)
			_, err := w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Action: "sync", Outcome: "done"})
			must(t, err)
		}
		add(seal.Keys{})
		add(dataKeys(t, "a"))
		add(dataKeys(t, "a"))
		check, err := w.CheckAudit(t.Context(), w.account, "")
		if err != nil || check.Broken != nil || check.KeyedFrom != 2 {
			t.Errorf("%+v %v, want keyed from 2", check, err)
		}
		add(seal.Keys{}) // as who has the database alone can: rightly chained, without the key
		db.SealWith(dataKeys(t, "a"))
		check, err = w.CheckAudit(t.Context(), w.account, "")
		if err != nil || check.Broken == nil || check.Broken.Code != "audit.unkeyed" || check.At != 4 {
			t.Errorf("%+v %v, want entry 4 found", check, err)
		}
	})
}

// markTrimmed says in the log up to which entry it is trimmed.
func (w world) markTrimmed(t *testing.T) func(to int64) error {
	return func(to int64) error {
		_, err := w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Action: wxcast.AuditTrimmed,
			Target: fmt.Sprint(to), Outcome: "done"})
		return err
	}
}

// A retention leaves a log that is whole, and says up to where it was removed.
func TestATrimmedAuditLogIsWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		add := func(n int) {
			for range n {
				_, err := w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Action: "sync", Outcome: "done"})
				must(t, err)
			}
		}
		add(30)
		w.PretendLater(year)
		add(5)
		old, err := w.CheckAudit(t.Context(), w.account, "")
		must(t, err)
		trim := func() int64 {
			t.Helper()
			removed, err := w.TrimAudit(t.Context(), w.account, 30*24*time.Hour, w.markTrimmed(t))
			must(t, err)
			return removed
		}
		removed := trim()
		check, err := w.CheckAudit(t.Context(), w.account, old.Head)
		if err != nil || check.Broken != nil || check.First != 31 || check.Last != 36 {
			t.Errorf("after %d were removed: %+v (%v), want 31 to 36 and nothing broken", removed, check, err)
		}
		if check.KeyedFrom != 0 {
			t.Error("it is said to be keyed, and there is no key")
		}
		again := trim()
		if check, _ = w.CheckAudit(t.Context(), w.account, ""); again != 0 || check.Last != 36 {
			t.Errorf("a second time: %d removed, the last is %d", again, check.Last)
		}
		// Where every entry is old, the log goes on behind the last.
		w.PretendLater(year)
		trim()
		check, err = w.CheckAudit(t.Context(), w.account, "")
		if err != nil || check.Broken != nil || check.First != 37 || check.Entries != 1 {
			t.Errorf("all old: %+v", check)
		}
	})
}

// Accounts' logs are their own, also where many write at once.
func TestAuditEntriesOfManyAreAChain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		other, err := db.EnsureApp(t.Context(), "wxother", wxcast.KindOfficialAccount)
		must(t, err)
		done := make(chan error)
		for i := range 40 {
			go func() {
				of := []int64{w.account, other}[i%2]
				_, err := db.AddAudit(t.Context(), of, wxcast.AuditEntry{Actor: fmt.Sprint(i), Action: "sync"})
				done <- err
			}()
		}
		for range 40 {
			must(t, <-done)
		}
		for _, of := range []int64{w.account, other} {
			if check, err := db.CheckAudit(t.Context(), of, ""); err != nil || check.Broken != nil || check.Last != 20 {
				t.Errorf("%+v %v", check, err)
			}
		}
	})
}

func TestPeopleAreNamedByAKeyedHash(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		db.SealWith(dataKeys(t, "a"))
		w := newWorld(t, db)
		subject, err := w.AuditSubject(t.Context(), w.account, "o-PERSON")
		must(t, err)
		db.SealWith(dataKeys(t, "ba"))
		again, err := w.AuditSubject(t.Context(), w.account, "o-PERSON")
		must(t, err)
		other, err := w.AuditSubject(t.Context(), w.account, "o-OTHER")
		must(t, err)
		if subject != again || subject == other || len(subject) != 32 {
			t.Errorf("a person is %s, after a rotation %s, another %s", subject, again, other)
		}
		_, err = w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Action: "get-person", Subject: subject})
		must(t, err)
		_, err = w.AddAudit(t.Context(), w.account, wxcast.AuditEntry{Action: "get-person", Subject: other})
		must(t, err)
		if entries, err := w.Audit(t.Context(), w.account, 0, 10, subject); err != nil || len(entries) != 1 {
			t.Errorf("%d entries about a person (%v), want the one", len(entries), err)
		}
	})
}

// Who has the database alone has no access token.
func TestTokensAreSealed(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		must(t, err)
		defer db.Close()
		now := time.Now().UTC().Truncate(time.Second)
		token := wxcast.NewToken("PLAIN-access-token", now, now.Add(time.Hour))
		must(t, db.SaveToken(t.Context(), "wx1", token))
		db.SealWith(dataKeys(t, "a"))
		if got, err := db.Token(t.Context(), "wx1"); err != nil || got.Reveal() != token.Reveal() {
			t.Errorf("a token that was stored before there was a key is %q (%v)", got.Reveal(), err)
		}
		must(t, db.SaveToken(t.Context(), "wx1", token))
		if kept := db.KeptToken(t, "wx1"); strings.Contains(kept, "PLAIN") {
			t.Errorf("the store holds %s", kept)
		}
		db.SealWith(dataKeys(t, "ba"))
		if got, err := db.Token(t.Context(), "wx1"); err != nil || got.Reveal() != token.Reveal() {
			t.Errorf("after a rotation it is %q (%v)", got.Reveal(), err)
		}
		db.SealWith(dataKeys(t, "b"))
		if got, err := db.Token(t.Context(), "wx1"); err == nil || got.Reveal() != "" {
			t.Errorf("with another key it is %q", got.Reveal())
		}
	})
}
