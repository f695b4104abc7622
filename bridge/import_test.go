package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestImportCSV(t *testing.T) {
	for name, test := range map[string]struct {
		csv    string
		format bridge.CSV
		want   bridge.ImportSummary
	}{
		"plain":                       {"unionid,openid\nu1,o1\nu2,o2\n", bridge.CSV{}, bridge.ImportSummary{Rows: 2, Inserted: 2}},
		"columns in another order":    {"id,OpenID,UnionID\n1,o1,u1\n", bridge.CSV{}, bridge.ImportSummary{Rows: 1, Inserted: 1}},
		"with a byte order mark":      {"\uFEFFunionid,openid\r\nu1,o1\r\n", bridge.CSV{}, bridge.ImportSummary{Rows: 1, Inserted: 1}},
		"named columns":               {"uid,mini\nu1,o1\n", bridge.CSV{UnionIDColumn: "uid", OpenIDColumn: "mini"}, bridge.ImportSummary{Rows: 1, Inserted: 1}},
		"header alone":                {"unionid,openid\n", bridge.CSV{}, bridge.ImportSummary{}},
		"without a last line's end":   {"unionid,openid\nu1,o1", bridge.CSV{}, bridge.ImportSummary{Rows: 1, Inserted: 1}},
		"rows without ids":            {"unionid,openid\n,o1\nu2,\nNULL,o3\nu4,o4\n", bridge.CSV{}, bridge.ImportSummary{Rows: 4, Inserted: 1, Rejected: 3}},
		"an id with a space":          {"unionid,openid\nu 1,o1\n", bridge.CSV{}, bridge.ImportSummary{Rows: 1, Rejected: 1}},
		"an id that is no id":         {"unionid,openid\n用户,o1\n", bridge.CSV{}, bridge.ImportSummary{Rows: 1, Rejected: 1}},
		"spaces around ids":           {"unionid , openid\n u1 , o1 \n", bridge.CSV{}, bridge.ImportSummary{Rows: 1, Inserted: 1}},
		"one user twice":              {"unionid,openid\nu1,o1\nu2,o1\n", bridge.CSV{}, bridge.ImportSummary{Rows: 2, Inserted: 1}},
		"quoted fields with newlines": {"unionid,openid,note\nu1,o1,\"a\nb\"\nu2,o2,c\n", bridge.CSV{}, bridge.ImportSummary{Rows: 2, Inserted: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				mini, err := db.EnsureApp(t.Context(), "mini", wxcast.KindMiniProgram)
				if err != nil {
					t.Fatal(err)
				}
				got, err := bridge.ImportCSV(t.Context(), db, mini, strings.NewReader(test.csv), test.format, func(bridge.Rejected) {})
				if err != nil || got != test.want {
					t.Errorf("got %+v, want %+v; %v", got, test.want, err)
				}
				n, err := db.CountMiniUsers(t.Context(), mini)
				if err != nil || n != test.want.Inserted {
					t.Errorf("%d stored; %v", n, err)
				}
			})
		})
	}
}

func TestABrokenCSVIsRefusedWholeWithItsLine(t *testing.T) {
	for name, test := range map[string]struct{ csv, want string }{
		"empty":              {"", "users.csv: is empty; its first line must name the columns"},
		"no such column":     {"union_id,openid\nu1,o1\n", "users.csv:1: unionid: there is no such column; the file has union_id, openid; did you mean union_id? Name it with --unionid-column"},
		"no header":          {"u1,o1\n", "users.csv:1: unionid: there is no such column"},
		"too few fields":     {"unionid,openid\nu1,o1\nu2\n", "users.csv:3: the row has not as many fields as the header"},
		"too many fields":    {"unionid,openid\nu1,o1,x\n", "users.csv:2: the row has not as many fields as the header"},
		"a quote not closed": {"unionid,openid\nu1,o1\n\"u2,o2\n", "users.csv:3: a \" is not closed"},
		"a bare quote":       {"unionid,openid\nu1,o\"1\n", "users.csv:2: a \" is not closed, or stands inside a field without quotes"},
		"a header in GBK":    {"unionid,openid,\xd0\xd5\xc3\xfb\n", "users.csv:1: is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			mini, err := db.EnsureApp(t.Context(), "mini", wxcast.KindMiniProgram)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bridge.ImportCSV(t.Context(), db, mini, strings.NewReader(test.csv), bridge.CSV{Name: "users.csv"}, func(bridge.Rejected) {})
			var bad *wxcast.BadInput
			if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if n, err := db.CountMiniUsers(t.Context(), mini); err != nil || n != 0 {
				t.Errorf("%d stored of a broken file; %v", n, err)
			}
		})
	}
}

func TestRejectedRowsAreToldWithTheirLine(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	mini, err := db.EnsureApp(t.Context(), "mini", wxcast.KindMiniProgram)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	_, err = bridge.ImportCSV(t.Context(), db, mini, strings.NewReader("unionid,openid,note\nu1,o1,\"a\nb\"\n,o2,\nu3,,\n"), bridge.CSV{}, func(r bridge.Rejected) {
		told = append(told, fmt.Sprintf("%d: %s", r.Line, r.Reason))
	})
	if err != nil || strings.Join(told, "; ") != "4: unionid is empty; 5: openid is empty" {
		t.Errorf("%v %v", told, err)
	}
}
