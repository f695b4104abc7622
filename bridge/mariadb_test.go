package bridge_test

import (
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/text"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// mysqlEnv names a MySQL or MariaDB server to test on, as mysql://user:password@host/database.
const mysqlEnv = "WXCAST_TEST_MYSQL_URL"

// mysqlURL is the server that the environment names, or a private MariaDB from
// local binaries or, as root on Debian, from its package. Without any the test is
// skipped at home and fails in CI.
func mysqlURL(t *testing.T) string {
	t.Helper()
	if given := os.Getenv(mysqlEnv); given != "" {
		return given
	}
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if _, err := findMariaDB("mariadbd"); err != nil && os.Geteuid() == 0 {
		if apt, err := exec.LookPath("apt-get"); err == nil {
			t.Log("installing MariaDB from Debian's package")
			install := exec.Command("sh", "-c",
				apt+" update -q; "+apt+" install -y -q --no-install-recommends mariadb-server")
			install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if out, err := install.CombinedOutput(); err != nil {
				missing("install MariaDB: %v: %s", err, out)
			}
		}
	}
	server, err := findMariaDB("mariadbd")
	if err != nil {
		missing("no MariaDB: set %s, or install mariadb-server", mysqlEnv)
	}
	installDB, err := findMariaDB("mariadb-install-db")
	if err != nil {
		missing("%v", err)
	}
	dir, err := os.MkdirTemp("", "wxcast-mariadb-") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	user := []string{}
	if os.Geteuid() == 0 {
		user = []string{"--user=root"}
	}
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "s")
	if out, err := exec.Command(installDB, append(user, "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	port := freePort(t)
	cmd := exec.Command(server, append([]string{"--no-defaults"},
		append(user, "--datadir="+data, "--socket="+socket, "--bind-address=127.0.0.1", "--port="+port,
			"--pid-file="+filepath.Join(dir, "pid"))...)...)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", socket
	config.Logger = &mysql.NopLogger{}
	admin, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if err = admin.Ping(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("MariaDB does not start: %v: %s", err, log.String())
		}
	}
	for _, statement := range []string{"CREATE DATABASE shop", "CREATE USER 'reader'@'%' IDENTIFIED BY 'p@ss/word'",
		"GRANT ALL ON shop.* TO 'reader'@'%'"} {
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return "mysql://" + url.UserPassword("reader", "p@ss/word").String() + "@127.0.0.1:" + port + "/shop"
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func findMariaDB(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name)) // not on every PATH
}

func TestAMySQLSourceIsStreamed(t *testing.T) {
	from := mysqlURL(t)
	u, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	theirs, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	const n = 20_000
	for _, statement := range []string{
		"DROP TABLE IF EXISTS wx_user",
		"CREATE TABLE wx_user (id INT PRIMARY KEY, name VARCHAR(64) CHARACTER SET utf8mb4, union_id VARCHAR(64), open_id VARCHAR(64))",
		fmt.Sprintf("INSERT INTO wx_user SELECT seq, '张三', IF(seq %% 10 = 0, NULL, CONCAT('u', seq)), CONCAT('o', seq) FROM seq_1_to_%d", n),
	} {
		if _, err := theirs.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	columns := bridge.Columns{UnionID: "union_id", OpenID: "open_id"}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _, err := importRows(t, db, bridge.ReadDatabase(t.Context(), from, "SELECT * FROM wx_user", columns),
			bridge.ImportOptions{})
		if want := (bridge.ImportSummary{Rows: n, Inserted: n - n/10, Rejected: n / 10}); err != nil || s != want {
			t.Errorf("%+v %v", s, err)
		}
		for query, want := range map[string]string{
			"SELECT id FROM wx_user": "query: union_id: there is no such column; the source has id",
			"DELETE FROM wx_user":    "READ ONLY transaction",
			"SELECT * FROM nowhere":  "query: Error 1146",
		} {
			if _, _, err := importRows(t, db, bridge.ReadDatabase(t.Context(), from, query, columns),
				bridge.ImportOptions{}); err == nil ||
				!strings.Contains(text.English.Error(err, text.NoDoor, nil), want) {
				t.Errorf("%s: %v", query, err)
			}
		}
		wrong := strings.Replace(from, url.UserPassword("reader", "p@ss/word").String(), "reader:hunter2", 1)
		_, _, err = importRows(t, db, bridge.ReadDatabase(t.Context(), wrong, "SELECT 1", columns),
			bridge.ImportOptions{})
		if err == nil || !strings.Contains(text.English.Error(err, text.NoDoor, nil),
			"from: the database cannot be reached: Error 1045") ||
			strings.Contains(text.English.Error(err, text.NoDoor, nil), "hunter2") {
			t.Errorf("%v", err)
		}
	})
}
