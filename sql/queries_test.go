package store_test

import (
	"regexp"
	"strings"
	"testing"

	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestEveryQueryIsValidOnItsEngine(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, err := range db.PrepareAll(t.Context()) {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// An id that is compared as a text is not found by its index: the statement reads all of the
// account's rows.
func TestNoStatementComparesAnIDAsText(t *testing.T) {
	asText := regexp.MustCompile(`CAST\(\s*(?:[a-z]\w*\.)?\w*id AS TEXT\s*\)\s*(?:NOT\s+)?(?:IN|=|<|>)`)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, text := range db.QueryTexts() {
			if found := asText.FindString(text); found != "" {
				t.Errorf("%s: %q is found by no index; compare the id with CAST(k.value AS BIGINT)", name, found)
			}
		}
	})
}

// SQLite plans a statement anew for each value of a LIMIT that is a parameter alone: of a claim for
// few that is a fifth of its time.
func TestNoLimitHasSQLitePlanAnew(t *testing.T) {
	limit := regexp.MustCompile(`LIMIT (\$\d+)( \+ 0)?`)
	db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
	must(t, err)
	defer db.Close()
	checked := 0
	for name, text := range db.QueryTexts() {
		for _, m := range limit.FindAllStringSubmatch(text, -1) {
			if checked++; m[2] == "" {
				t.Errorf("%s: %s is planned anew whenever it is bound; %s + 0 is not", name, m[0], m[0])
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d limits were looked at: the check has gone blind", checked)
	}
}

// ofManyRows are the tables that grow with people and messages: a distributed engine keeps
// each account's rows together, and finds them by the account alone.
var ofManyRows = []string{
	"followers", "bridges", "deliveries", "leases", "list_rows", "sync_pages", "early_receipts", "optouts", "blocks",
	"permits", "windows", "messages", "callbacks", "events", "relays", "visits", "goals", "broadcasts",
	"broadcast_channels",
}

// withoutAccount are the statements that may leave the account open, with the reason.
var withoutAccount = map[string]string{
	"forget-mini-bridges": "a person is forgotten in a mini program, whichever accounts it is joined to; by hand, and rare",
	"drop-bridges-key":    "the first join of an empty table",
	"make-bridges-key":    "the first join of an empty table",
	"any-bridge":          "the first join of an empty table",
}

func TestEveryStatementNamesTheAccount(t *testing.T) {
	tables := strings.Join(ofManyRows, "|")
	mention := regexp.MustCompile(`(?:FROM|JOIN|UPDATE|INTO)\s+(` + tables + `)\b(?:\s+(?:AS\s+)?([a-z]\w*))?`)
	held := regexp.MustCompile(`(^|[^.\w]|\b(?:` + tables + `)\.)account_id\b`)
	comment := regexp.MustCompile(`(?m)^\s*--.*$`)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		checked := 0
		for name, text := range db.QueryTexts() {
			if withoutAccount[name] != "" {
				continue
			}
			text = comment.ReplaceAllString(text, "")
			bare := 0
			for _, m := range mention.FindAllStringSubmatch(text, -1) {
				checked++
				if alias := m[2]; alias == "" {
					bare++
				} else if !regexp.MustCompile(`\b` + alias + `\.account_id\b`).MatchString(text) {
					t.Errorf("%s: %s %s is not held to an account; say %s.account_id = $1", name, m[1], alias, alias)
				}
			}
			if named := len(held.FindAllString(text, -1)); named < bare {
				t.Errorf("%s: of %d tables of many rows only %d are held to an account; say account_id = $1:\n%s", name,
					bare, named, text)
			}
		}
		if checked < 100 {
			t.Errorf("only %d mentions of tables were looked at: the check has gone blind", checked)
		}
	})
}

// However many broadcasts there were: a person's deliveries are found by the person.
func TestPeopleAreLookedUpByTheirIndex(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
	must(t, err)
	defer db.Close()
	for query, args := range db.PeopleQueries() {
		plan := db.PlanOf(t, query, args)
		if !strings.Contains(plan, "deliveries_person (account_id=? AND <expr>=?") ||
			strings.Contains(plan, "PRIMARY KEY (account_id=? AND broadcast_id>?)") {
			t.Errorf("%s\nis done so:\n%s", query, plan)
		}
	}
}
