package bridge_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

var ids = bridge.Columns{UnionID: "unionid", OpenID: "openid"}

// gbk is text as Excel saves it in China.
func gbk(t *testing.T, text string) string {
	t.Helper()
	out, err := simplifiedchinese.GBK.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func utf16(t *testing.T, text string) string {
	t.Helper()
	out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// importText imports a file's text and returns the rejected rows as "line: reason".
func importText(t *testing.T, db *store.DB, text string, columns bridge.Columns,
	o bridge.ImportOptions) (bridge.ImportSummary, []string, error) {
	t.Helper()
	return importRows(t, db, bridge.ReadFile(strings.NewReader(text), "users.csv", columns), o)
}

func importRows(t *testing.T, db *store.DB, rows iter.Seq2[bridge.Row, error],
	o bridge.ImportOptions) (bridge.ImportSummary, []string, error) {
	t.Helper()
	var err error
	if o.MiniID, err = db.EnsureApp(t.Context(), "mini", wxcast.KindMiniProgram); err != nil {
		t.Fatal(err)
	}
	var rejected []string
	o.Source = "users.csv"
	o.Reject = func(r bridge.Rejected) {
		rejected = append(rejected,
			fmt.Sprintf("%d: %s", r.Line, text.English.Say(r.Reason)))
	}
	s, err := bridge.Import(t.Context(), db, rows, o)
	return s, rejected, err
}

func countMiniUsers(t *testing.T, db *store.DB) int64 {
	t.Helper()
	mini, err := db.EnsureApp(t.Context(), "mini", wxcast.KindMiniProgram)
	if err != nil {
		t.Fatal(err)
	}
	n, err := db.CountMiniUsers(t.Context(), mini)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestImportReadsWhatPeopleHave(t *testing.T) {
	two := bridge.ImportSummary{Rows: 2, Inserted: 2}
	for name, test := range map[string]struct {
		text    string
		columns bridge.Columns
		want    bridge.ImportSummary
	}{
		"plain":                    {"unionid,openid\nu1,o1\nu2,o2\n", ids, two},
		"columns in another order": {"id,OpenID,UnionID\n1,o1,u1\n2,o2,u2\n", ids, two},
		"with a byte order mark":   {"\uFEFFunionid,openid\r\nu1,o1\r\nu2,o2\r\n", ids, two},
		"named columns": {"uid,mini\nu1,o1\nu2,o2\n", bridge.Columns{UnionID: "UID", OpenID: "mini"},
			two},
		"carriage returns alone":    {"unionid,openid\ru1,o1\ru2,o2\r", ids, two},
		"mixed line ends":           {"unionid,openid\ru1,o1\r\nu2,o2\n", ids, two},
		"ids in quotes":             {"unionid,openid\n'u1',“o1”\n`u2`,'o2\n", ids, two},
		"without a last line's end": {"unionid,openid\nu1,o1\nu2,o2", ids, two},
		"spaces around ids":         {"unionid , openid\n u1 , o1 \nu2,o2\n", ids, two},
		"one user twice": {"unionid,openid\nu1,o1\nu2,o1\n", ids,
			bridge.ImportSummary{Rows: 2, Inserted: 1}},
		"quoted fields with newlines": {"unionid,openid,note\nu1,o1,\"a\nb\"\nu2,o2,c\n", ids, two},
		"tabs":                        {"unionid\topenid\nu1\to1\nu2\to2\n", ids, two},
		"semicolons":                  {"unionid;openid\nu1;o1\nu2;o2\n", ids, two},
		"GBK from Excel":              {gbk(t, "用户,unionid,openid\n张三,u1,o1\n李四,u2,o2\n"), ids, two},
		"GBK column names": {gbk(t, "联合,开放\nu1,o1\nu2,o2\n"), bridge.Columns{UnionID: "联合", OpenID: "开放"},
			two},
		"UTF-16 from Excel":      {utf16(t, "姓名\tunionid\topenid\n张三\tu1\to1\n李四\tu2\to2\n"), ids, two},
		"gzip":                   {gzipped(t, "unionid,openid\nu1,o1\nu2,o2\n"), ids, two},
		"gzip of GBK":            {gzipped(t, gbk(t, "姓名,unionid,openid\n张三,u1,o1\n李四,u2,o2\n")), ids, two},
		"JSON Lines":             {"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n\n{\"openid\":\"o2\",\"unionid\":\"u2\",\"n\":{\"x\":[1]}}\n", ids, two},
		"JSON Lines, other case": {"{\"UnionID\":\"u1\",\"OpenID\":\"o1\"}\r\n{\"unionid\":\"u2\",\"openid\":\"o2\"}", ids, two},
		"JSON Lines with nulls":  {"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n{\"unionid\":null,\"openid\":\"o2\"}\n{\"openid\":\"o3\"}\n", ids, bridge.ImportSummary{Rows: 3, Inserted: 1, Rejected: 2}},
		"rows without ids": {"unionid,openid\n,o1\nu2,\nNULL,o3\n\\N,o5\nu4,o4\n", ids,
			bridge.ImportSummary{Rows: 5, Inserted: 1, Rejected: 4}},
		"an id that is no id": {"unionid,openid\n用户,o1\nu 2,o2\nu3,o3\n", ids,
			bridge.ImportSummary{Rows: 3, Inserted: 1, Rejected: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				got, rejected, err := importText(t, db, test.text, test.columns, bridge.ImportOptions{})
				if err != nil || got != test.want || int64(len(rejected)) != test.want.Rejected {
					t.Errorf("got %+v, want %+v; rejected %v; %v", got, test.want, rejected, err)
				}
				if n := countMiniUsers(t, db); n != test.want.Inserted {
					t.Errorf("%d stored", n)
				}
			})
		})
	}
}

func TestABadRowIsToldWithItsLineAndTheGoodOnesLand(t *testing.T) {
	good := "unionid,openid,note\nu1,o1,\"a\nb\"\n"
	for name, test := range map[string]struct{ text, want string }{
		"no unionid":      {good + ",o2,\n", "4: unionid is empty"},
		"no openid":       {good + "u2,,\n", "4: openid is empty"},
		"too few fields":  {good + "u2\nu3,o3,\n", "4: the row has 1 fields and the header 3"},
		"too many fields": {good + "u2,o2,,,\n", "4: the row has 5 fields and the header 3"},
		"a bare quote": {good + "u2,o\"2,\nu3,o3,\n",
			`4: a " stands inside a field without quotes, or is not closed`},
		"a quote in a quoted": {good + "u2,\"o\"2\",\nu3,o3,\n",
			`4: a " stands inside a field without quotes, or is not closed`},
		"an id too long":      {good + strings.Repeat("u", 129) + ",o2,\n", "4: unionid has 129 characters"},
		"an id with a space":  {good + "u2,o 2,\n", "4: openid holds a character that no id has"},
		"a control character": {good + "u2,o\x012,\n", "4: openid holds a character that no id has"},
		"no JSON": {"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n{\"unionid\":\n",
			"2: the line is no JSON object"},
		"no JSON object": {"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n\n7\n", "3: the line is no JSON object"},
		"a JSON number": {"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n{\"unionid\":7,\"openid\":\"o2\"}\n",
			"2: unionid is no string"},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			_, rejected, err := importText(t, db, test.text, ids, bridge.ImportOptions{})
			if err != nil || len(rejected) != 1 || rejected[0] != test.want {
				t.Errorf("%v %v", rejected, err)
			}
			if countMiniUsers(t, db) == 0 {
				t.Error("the good rows did not land")
			}
			strict := open(t)
			_, _, err = importText(t, strict, test.text, ids, bridge.ImportOptions{Strict: true})
			var bad *wxcast.BadInput
			if !errors.As(err, &bad) || !strings.HasPrefix(text.English.Error(err, text.NoDoor, nil),
				"users.csv:"+test.want) || countMiniUsers(t, strict) != 0 {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

func open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLiteURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestABrokenFileIsRefusedWhole(t *testing.T) {
	zipped := gzipped(t, "unionid,openid\n"+strings.Repeat("u1,o1\n", 50_000))
	for name, test := range map[string]struct{ text, want string }{
		"empty":            {"", "users.csv: is empty; its first line must name the columns"},
		"only white space": {" \n\t\n", "users.csv: is empty"},
		"no such column": {"union_id,openid\nu1,o1\n",
			"users.csv:1: unionid: there is no such column; the source has union_id, openid; did you mean union_id? Name the column of the unionid"},
		"no header": {"u1,o1\n", "users.csv:1: unionid: there is no such column"},
		"a column twice": {"unionid,openid,UNIONID\n1,2,3\n",
			"users.csv:1: unionid: there are two such columns"},
		"a quote never closed": {"unionid,openid\nu1,o1\n\"u2,o2\nu3,o3\nu4,o4\n",
			`users.csv:3: a " is opened here and not closed on its line`},
		"a huge quote": {"unionid,openid\nu1,o1\n\"u2,o2\n" + strings.Repeat("u3,o3\n", 500_000),
			"users.csv:3: a row is longer than 1 MiB: is a quote opened and never closed?"},
		"a header with a quote": {"union\"id,openid\nu1,o1\n", `users.csv:1: a " is opened here`},
		"an Excel workbook": {"PK\x03\x04\x14\x00\x06\x00",
			"users.csv: is an Excel workbook or a zip archive; save it as CSV UTF-8"},
		"an old Excel workbook": {"\xd0\xcf\x11\xe0\xa1\xb1", "users.csv: is an Excel workbook"},
		"a program":             {"\x7fELF\x00\x01\x02", "users.csv: holds NUL bytes"},
		"UTF-16 without a mark": {"u\x00n\x00i\x00",
			"users.csv: holds NUL bytes: it is no text, or UTF-16 without a byte order mark"},
		"gzip cut off": {zipped[:len(zipped)/2], "the compressed file is cut off"},
		"gzip damaged": {"\x1f\x8bnonsense", "users.csv: is a broken gzip file"},
		"a JSON array": {`[{"unionid":"u1"}]`, "users.csv:1: is one JSON array; write one object a line"},
		"JSON without the key": {"{\"union\":\"u1\",\"openid\":\"o1\"}\n",
			"users.csv:1: unionid: there is no such column; the source has openid, union"},
		"a JSON line of 2 MiB": {"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n{\"x\":\"" + strings.Repeat("y",
			2<<20) + "\"}\n", "users.csv:2: a row is longer than 1 MiB"},
		"not one good row": {"unionid,openid\n,o1\n,o2\n",
			"users.csv:2: unionid is empty, and none of the 2 rows can be used; are these the right columns?"},
		"one column": {"unionid\nu1\n",
			"users.csv:1: openid: there is no such column; the source has unionid"},
		"GBK with other columns": {gbk(t, "联合,开放\nu1,o1\n"),
			"users.csv:1: unionid: there is no such column; the source has 联合, 开放"},
		"an HTML error page": {"<html><body>502 Bad Gateway</body></html>",
			"users.csv:1: unionid: there is no such column; the source has <html>"},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			_, _, err := importText(t, db, test.text, ids, bridge.ImportOptions{})
			var bad *wxcast.BadInput
			if !errors.As(err, &bad) || !strings.Contains(text.English.Error(err, text.NoDoor, nil), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if n := countMiniUsers(t, db); n != 0 {
				t.Errorf("%d stored of a broken file", n)
			}
		})
	}
}

func TestReplaceRemovesWhatTheSourceLacks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		all := "unionid,openid\nu1,o1\nu2,o2\nu3,o3\nu4,o4\nu5,o5\n"
		if _, _, err := importText(t, db, all, ids, bridge.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		replace := bridge.ImportOptions{Replace: true, MaxRemoveShare: 0.2}
		s, _, err := importText(t, db, "unionid,openid\nu1,o1\nu2,o2\nu3,o3\nu9,o4\n", ids, replace)
		if want := (bridge.ImportSummary{Rows: 4, Updated: 1, Removed: 1}); err != nil || s != want ||
			countMiniUsers(t, db) != 4 {
			t.Errorf("%+v %v", s, err)
		}
		_, _, err = importText(t, db, "unionid,openid\nu1,o1\n", ids, replace)
		var bad *wxcast.BadInput
		if !errors.As(err, &bad) || !strings.Contains(text.English.Error(err, text.NoDoor, nil),
			"replace: 3 of 4 mini users would be removed") || countMiniUsers(t, db) != 4 {
			t.Errorf("%v", err)
		}
	})
}

func TestADatabaseIsReadByColumnName(t *testing.T) {
	from := storetest.PostgresURL(t)
	source, err := store.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	mini, err := source.EnsureApp(t.Context(), "theirs", wxcast.KindMiniProgram)
	if err != nil {
		t.Fatal(err)
	}
	const n = 30_000
	if _, err := source.ImportMiniUsers(t.Context(), mini, mini, func(yield func(wxcast.MiniUser, error) bool) {
		for i := range n {
			if !yield(wxcast.MiniUser{MiniOpenID: wxcast.MiniOpenID(fmt.Sprint("o", i)),
				UnionID: wxcast.UnionID(fmt.Sprint("u", i))}, nil) {
				return
			}
		}
	}, wxcast.ImportMode{}); err != nil {
		t.Fatal(err)
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		columns := bridge.Columns{UnionID: "uid", OpenID: "mini"}
		rows := bridge.ReadDatabase(t.Context(), from,
			"SELECT mini_id, NULLIF(unionid, 'u7') AS uid, mini_openid AS mini FROM mini_users", columns)
		s, _, err := importRows(t, db, rows, bridge.ImportOptions{})
		if want := (bridge.ImportSummary{Rows: n, Inserted: n - 1, Rejected: 1}); err != nil || s != want {
			t.Errorf("%+v %v", s, err)
		}
	})
	for name, test := range map[string]struct{ from, query, want string }{
		"a column that is not there": {from, "SELECT unionid FROM mini_users",
			"query: uid: there is no such column; the source has unionid"},
		"a query that is none": {from, "SELEKT", `query: pq: syntax error at or near "SELEKT"`},
		"a query that writes": {from, "DELETE FROM mini_users RETURNING unionid AS uid, mini_openid AS mini",
			"cannot execute DELETE in a read-only transaction"},
		"two statements": {from, "COMMIT; CREATE TABLE evil (i INT)",
			"cannot insert multiple commands into a prepared statement"},
		"the end of the transaction": {from, "COMMIT", "query: "},
		"no URL":                     {"postgres://u:p%%@h/d", "x", "from: is no URL"},
		"no database":                {"mysql://u:p@h", "x", "from: names no host or no database"},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			_, _, err := importRows(t, db, bridge.ReadDatabase(t.Context(), test.from, test.query,
				bridge.Columns{UnionID: "uid", OpenID: "mini"}), bridge.ImportOptions{})
			var bad *wxcast.BadInput
			if !errors.As(err, &bad) || !strings.Contains(text.English.Error(err, text.NoDoor, nil), test.want) ||
				countMiniUsers(t, db) != 0 {
				t.Errorf("%v", err)
			}
		})
	}
}

// No rows are no success: somebody has exported nothing, or the wrong thing.
func TestASourceWithoutRowsIsAMistake(t *testing.T) {
	for name, source := range map[string]string{"a header alone": "unionid,openid\n", "a header without an end": "unionid,openid",
		"a header and empty lines": "unionid,openid\n\n\n", "nothing": "", "blanks": " \n "} {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			_, _, err := importText(t, db, source, ids, bridge.ImportOptions{Strict: true})
			var bad *wxcast.BadInput
			if !errors.As(err, &bad) {
				t.Errorf("%s: %v, want a mistake in the input", name, err)
			}
		})
	}
}
