package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wxcast/wxcast/sql/storetest"
)

// Tests that take longer than whatWaits have found nothing yet, and are ended. A guard that is broken
// may have something go on for ever: that is a find where they take as long again, with nothing else
// at work.
const whatWaits = 90 * time.Second

const timedOut = "panic: test timed out"

// bench holds the tests, in which any guard can be broken.
type bench struct {
	root, dir string
	all       []guard
	suites    []*suite
}

// suite is one package's tests.
type suite struct {
	pkg, binary string
	args, env   []string
	most        time.Duration // its tests take, see quick and slow
	tests       []test
	whole       bool // it is one story, of which no test is left out
}

type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool
	runs    map[string]bool // queries
}

func newBench(ctx context.Context, root string, all []guard) (_ *bench, err error) {
	b := &bench{root: root, all: all, suites: []*suite{
		{pkg: "sql", args: []string{"-rapid.nofailfile"}}, {pkg: "broadcast"},
		{pkg: "internal/world", whole: true, args: []string{"-test.run", "TestWorlds", "-on", "sqlite", "-seeds", "20",
			"-shrink", "0s", "-seed", "1"}},
	}}
	if b.dir, err = os.MkdirTemp("", "wxcast-guards-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	overlay, err := b.overlay()
	if err != nil {
		return nil, err
	}
	for _, s := range b.suites {
		s.binary = filepath.Join(b.dir, strings.ReplaceAll(s.pkg, "/", "-")+".test")
		if _, err := command(ctx, root, nil, "go", "test", "-c", "-overlay", overlay, "-o", s.binary,
			"./"+s.pkg); err != nil {
			return nil, err
		}
		if !s.whole {
			if err := b.survey(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// overlay writes the files in which guards can be broken, and returns the file that names them.
func (b *bench) overlay() (string, error) {
	replace := map[string]string{}
	put := func(file string, text []byte) error {
		as := filepath.Join(b.dir, strings.ReplaceAll(file, "/", "-"))
		replace[filepath.Join(b.root, file)] = as
		return os.WriteFile(as, text, 0o600)
	}
	byFile := map[string][]guard{}
	for _, g := range b.all {
		if !g.ofQuery() {
			byFile[g.file] = append(byFile[g.file], g)
		}
	}
	for file, guards := range byFile {
		source, err := os.ReadFile(filepath.Join(b.root, file))
		if err == nil {
			err = put(file, breakable(source, guards))
		}
		if err != nil {
			return "", err
		}
	}
	for dir, name := range map[string]string{"sql": "store", "broadcast": "broadcast"} {
		if err := put(dir+"/brokenguard.go", fmt.Appendf(nil, asks, name)); err != nil {
			return "", err
		}
	}
	const loads = "goyesql.MustParseBytes(text)"
	source, err := os.ReadFile(filepath.Join(b.root, "sql/queries.go"))
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(loads)); n != 1 {
		return "", fmt.Errorf("sql/queries.go has %q %d times", loads, n)
	}
	source = bytes.Replace(source, []byte(loads), []byte("namedQueries(brokenQueries(name, text))"), 1)
	source = bytes.Replace(source, []byte("import ("), []byte("import (\n\t\"os\"\n\t\"strings\""), 1)
	if err := put("sql/queries.go", append(source, readsBroken...)); err != nil {
		return "", err
	}
	const runs = "c.again && len(args) == 0"
	if source, err = os.ReadFile(filepath.Join(b.root, "sql/prepared.go")); err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(runs)); n != 1 {
		return "", fmt.Errorf("sql/prepared.go has %q %d times", runs, n)
	}
	source = bytes.Replace(source, []byte(runs), []byte("reachedQuery(query) || "+runs), 1)
	if err := put("sql/prepared.go", source); err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.dir, "overlay.json")
	return file, os.WriteFile(file, raw, 0o600)
}

// readsBroken lets a file of queries be another one, and in a survey has each query bear its name.
const readsBroken = `
func namedQueries(text []byte) goyesql.Queries {
	all := goyesql.MustParseBytes(text)
	if reached != "" {
		for name, query := range all {
			query.Query = "/*" + name + "*/ " + query.Query
		}
	}
	return all
}

func reachedQuery(text string) bool {
	for reached != "" {
		_, after, _ := strings.Cut(text, "/*")
		name, rest, ok := strings.Cut(after, "*/")
		if !ok {
			break
		}
		noteReached(name)
		text = rest
	}
	return false
}

func brokenQueries(name string, text []byte) []byte {
	if of, file, _ := strings.Cut(os.Getenv("` + queriesEnv + `"), "="); of == name {
		broken, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		return broken
	}
	return text
}
`

const queriesEnv = "BROKEN_QUERIES" // "queries/lease.sql=FILE"

// survey runs each test of a suite alone, to know how long it takes and which guards it reaches.
func (b *bench) survey(ctx context.Context, s *suite) error {
	out, err := command(ctx, filepath.Join(b.root, s.pkg), nil, s.binary, "-test.list", "^Test")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var tests errgroup.Group
	tests.SetLimit(2)
	for name := range strings.FieldsSeq(string(out)) {
		tests.Go(func() error {
			reached := filepath.Join(b.dir, "reached-"+name)
			began := time.Now()
			if out, err := command(ctx, filepath.Join(b.root, s.pkg), []string{reachedEnv + "=" + reached}, s.binary,
				"-test.run", "^"+name+"$"); err != nil {
				return fmt.Errorf("%s fails where no guard is broken: %w\n%s", name, err, tail(out))
			}
			t := test{name, time.Since(began), map[int]bool{}, map[string]bool{}}
			raw, err := os.ReadFile(reached)
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			for what := range strings.FieldsSeq(string(raw)) {
				if n, err := strconv.Atoi(what); err == nil {
					t.reaches[n] = true
				} else {
					t.runs[what] = true
				}
			}
			mu.Lock()
			defer mu.Unlock()
			s.tests = append(s.tests, t)
			return nil
		})
	}
	err = tests.Wait()
	slices.SortFunc(s.tests, func(a, b test) int { return int(a.took - b.took) })
	return err
}

// breakAll breaks one guard after another, and wants each found that is not known to be found by
// nothing.
func (b *bench) breakAll(ctx context.Context, all []mutant, atOnce int, known map[string]bool) error {
	var mu sync.Mutex
	var slow []mutant
	found, survivors := 0, 0
	try := func(some []mutant, atOnce int, last bool) error {
		var work errgroup.Group
		work.SetLimit(atOnce)
		for _, m := range some {
			work.Go(func() error {
				by, err := b.find(ctx, m)
				if err != nil {
					return fmt.Errorf("%s: %w", m.name(), err)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case !last && strings.HasSuffix(by, timedOut):
					slow = append(slow, m)
					fmt.Println("too slow   ", m.name())
				case by == "" && known[m.name()]:
					fmt.Println("as known   ", m.name())
				case by == "":
					survivors++
					fmt.Println("NOT FOUND  ", m.name())
				case known[m.name()]:
					found++
					fmt.Println("found now  ", m.name(), "by", by)
				default:
					found++
					fmt.Println("found      ", m.name(), "by", by)
				}
				return nil
			})
		}
		return work.Wait()
	}
	if err := try(all, atOnce, false); err != nil {
		return err
	}
	if err := try(slow, 1, true); err != nil {
		return err
	}
	fmt.Printf("%d of %d broken guards were found.\n", found, len(all))
	if survivors > 0 {
		return fmt.Errorf("%d that nothing finds are not in %s", survivors, survivorsFile)
	}
	return nil
}

// find is which test finds a guard that is broken; "" for none.
func (b *bench) find(ctx context.Context, m mutant) (by string, err error) {
	env := []string{fmt.Sprintf("%s=%d %s", brokenEnv, m.n, m.how)}
	if m.ofQuery() {
		if env, err = b.brokenQueries(m); err != nil {
			return "", err
		}
	}
	for _, s := range b.stages(m) {
		args := append([]string{"-test.failfast", "-test.timeout", whatWaits.String()}, s.args...)
		if !s.whole {
			names := s.reaching(m)
			if len(names) == 0 {
				continue
			}
			args = append(args, "-test.run", "^("+strings.Join(names, "|")+")$")
		}
		dir := filepath.Join(b.root, s.pkg)
		if out, err := command(ctx, dir, slices.Concat(env, s.env), s.binary, args...); err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			var failed *exec.ExitError
			if !errors.As(err, &failed) {
				return "", err
			}
			return s.pkg + " " + failedTest(out), nil
		}
	}
	return "", nil
}

// stages are the tests that may find it, the quickest first. What is broken on both stores is tried
// on SQLite before, and a condition of the engine there alone: it knows no store.
func (b *bench) stages(m mutant) []suite {
	stage := func(s *suite, most time.Duration, env ...string) suite {
		staged := *s
		staged.most, staged.env = most, env
		return staged
	}
	const noPostgres = storetest.URLEnv + "="
	sql, broadcast, world := b.suites[0], b.suites[1], b.suites[2]
	onSQLite := []suite{stage(sql, quick, noPostgres), stage(broadcast, quick, noPostgres),
		stage(sql, slow, noPostgres), stage(broadcast, slow, noPostgres)}
	switch m.engine {
	case "sqlite":
		return append(onSQLite, *world)
	case "postgres":
		return []suite{stage(sql, quick), stage(sql, slow)}
	}
	if strings.HasPrefix(m.file, "sql/") {
		onSQLite = append(onSQLite, stage(sql, quick), stage(sql, slow))
	}
	return append(onSQLite, *world)
}

// quick and slow are how long a test may take that is tried first, or then.
const quick, slow = time.Second, time.Hour

// reaching are the tests of a stage that reach a guard.
func (s suite) reaching(m mutant) (names []string) {
	for _, t := range s.tests {
		if (t.took <= quick) == (s.most <= quick) && (t.runs[m.in] || t.reaches[m.n]) {
			names = append(names, t.name)
		}
	}
	return names
}

func (b *bench) brokenQueries(m mutant) ([]string, error) {
	source, err := os.ReadFile(filepath.Join(b.root, m.file))
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(b.dir, "queries-")
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(string(source[:m.from]) + brokenQuery(m.text, m.how) + string(source[m.to:]))
	return []string{queriesEnv + "=" + strings.TrimPrefix(m.file, "sql/") + "=" + f.Name()}, errors.Join(err, f.Close())
}

var failed = regexp.MustCompile(`--- FAIL: (\S+)|(` + timedOut + `)|(panic: [^\n]+)`)

// failedTest is which test failed first, or why all ended.
func failedTest(out []byte) string {
	if m := failed.FindSubmatch(out); m != nil {
		return string(bytes.Join(m[1:], nil))
	}
	return "the tests end with an error"
}

func command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil && name == "go" {
		err = fmt.Errorf("%w: %s", err, tail(out))
	}
	return out, err
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }
