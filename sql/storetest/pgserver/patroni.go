package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Cluster is three nodes of Postgres under Patroni, with an etcd each, behind HAProxy and
// PgBouncer: the recipe of docs/ha.md, from the files that operators copy.
type Cluster struct {
	// URL leads through PgBouncer and HAProxy to whichever node is the leader.
	URL   string
	Nodes []*Node

	dir    string
	attr   *syscall.SysProcAttr
	files  fs.FS
	log    *os.File
	around sync.WaitGroup // etcd, HAProxy, PgBouncer
	// stopping is closed when they are to end.
	stopping chan struct{}
	restarts atomic.Int64
	cables   []*Cable
	client   http.Client
}

const (
	clusterPassword = "Simple-And-Local-1" // of all users; it listens on this machine alone
	nodes           = 3
)

// example is the address of the n-th node in the files.
func example(n int) string { return fmt.Sprintf("10.0.0.1%d", n+1) }

// StartCluster starts one; ErrNotHere where a program of it is not installed.
func StartCluster(ctx context.Context, files fs.FS) (*Cluster, error) {
	bin, err := findBinaries("initdb", "postgres", "pg_ctl", "pg_controldata", "pg_basebackup", "pg_rewind", "pg_isready")
	if err != nil {
		return nil, err
	}
	programs := map[string]string{}
	for _, name := range []string{"etcd", "patroni", "haproxy", "pgbouncer"} {
		path, err := exec.LookPath(name)
		if err != nil { // Debian's are for administrators
			path = "/usr/sbin/" + name
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: there is no %s (make ha installs it)", ErrNotHere, name)
		}
		programs[name] = path
	}
	c := &Cluster{files: files, stopping: make(chan struct{}), client: http.Client{Timeout: 2 * time.Second}}
	if c.dir, err = os.MkdirTemp("", "wxcast-cluster-"); err != nil {
		return nil, err
	}
	if err := c.start(ctx, bin, programs); err != nil {
		tail, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		c.Stop()
		return nil, fmt.Errorf("%w\n%s", err, tail[max(0, len(tail)-4000):])
	}
	return c, nil
}

// ports of one machine's programs.
type ports struct{ etcd, peer, api, postgres int }

// plan is where everything listens, and what leads there.
type plan struct {
	bin              string
	programs         map[string]string
	nodes            [nodes]ports
	pooler, balancer int
	// Each node has cables of its own to the etcds, and one to its Postgres and one to its Patroni.
	toPostgres, toAPI [nodes]string
	toEtcd            [nodes][nodes]string
}

func here(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func (c *Cluster) start(ctx context.Context, bin string, programs map[string]string) (err error) {
	if c.attr, err = unprivileged(c.dir); err != nil {
		return err
	}
	if c.log, err = os.Create(filepath.Join(c.dir, "log")); err != nil {
		return err
	}
	p := &plan{bin: bin, programs: programs}
	for _, step := range []func(context.Context, *plan) error{c.takePorts, c.layCables, c.startEtcds, c.startNodes,
		c.startBalancer, c.startPooler, c.prepare} {
		if err := step(ctx, p); err != nil {
			return err
		}
	}
	return waitUntilUp(ctx, c.URL)
}

func (c *Cluster) takePorts(_ context.Context, p *plan) (err error) {
	all := []*int{&p.pooler, &p.balancer}
	for i := range p.nodes {
		n := &p.nodes[i]
		all = append(all, &n.etcd, &n.peer, &n.api, &n.postgres)
	}
	for _, port := range all {
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) layCables(_ context.Context, p *plan) (err error) {
	cable := func(n *Node, to int) (string, error) {
		line, err := NewCable(here(to))
		if err != nil {
			return "", err
		}
		n.cables, c.cables = append(n.cables, line), append(c.cables, line)
		return line.Address(), nil
	}
	for i, of := range p.nodes {
		name := fmt.Sprintf("db%d", i+1)
		n := &Node{Name: name, c: c, api: "http://" + here(of.api), data: filepath.Join(c.dir, name)}
		c.Nodes = append(c.Nodes, n)
		if p.toPostgres[i], err = cable(n, of.postgres); err != nil {
			return err
		}
		if p.toAPI[i], err = cable(n, of.api); err != nil {
			return err
		}
		for j := range p.nodes {
			if p.toEtcd[i][j], err = cable(n, p.nodes[j].etcd); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cluster) startEtcds(ctx context.Context, p *plan) error {
	for i, of := range p.nodes {
		change := []string{"ETCD_NAME=db1", "ETCD_NAME=" + c.Nodes[i].Name, "/var/lib/etcd/wxcast",
			filepath.Join(c.dir, fmt.Sprintf("etcd%d", i+1))}
		for j := range p.nodes { // in the list of all of them, which is the same everywhere
			change = append(change, fmt.Sprintf("db%d=http://%s:2380", j+1, example(j)),
				fmt.Sprintf("db%d=http://%s", j+1, here(p.nodes[j].peer)))
		}
		change = append(change, example(0)+":2379", here(of.etcd), example(0)+":2380", here(of.peer))
		text, err := c.adapt("etcd.env", change)
		if err != nil {
			return err
		}
		etcd := exec.Command(p.programs["etcd"])
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
				etcd.Env = append(etcd.Env, name+"="+value)
			}
		}
		if err := c.beside(etcd); err != nil {
			return err
		}
	}
	for _, of := range p.nodes {
		if err := c.awaitEtcd(ctx, "http://"+here(of.etcd)+"/version"); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) startNodes(_ context.Context, p *plan) (err error) {
	for i, n := range c.Nodes {
		change := []string{"name: db1", "name: " + n.Name,
			"listen: " + example(0) + ":8008", "listen: " + here(p.nodes[i].api),
			"connect_address: " + example(0) + ":8008", "connect_address: " + p.toAPI[i],
			"listen: " + example(0) + ":5432", "listen: " + here(p.nodes[i].postgres),
			"connect_address: " + example(0) + ":5432", "connect_address: " + p.toPostgres[i],
			"/var/lib/postgresql/15/wxcast", n.data, "/usr/lib/postgresql/15/bin", p.bin,
			"/var/lib/postgresql/wxcast.pgpass", n.data + ".pgpass", "/var/run/postgresql", c.dir,
			"10.0.0.0/24", "127.0.0.0/24"}
		for j := range p.nodes {
			change = append(change, example(j)+":2379", p.toEtcd[i][j])
		}
		if n.config, err = c.write("patroni.yml", n.Name+".yml", change); err != nil {
			return err
		}
		n.patroni = exec.Command(p.programs["patroni"], n.config)
		if err := c.run(n.patroni); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) startBalancer(_ context.Context, p *plan) error {
	change := []string{"127.0.0.1:5000", here(p.balancer)}
	for i := range p.nodes {
		address, port, _ := strings.Cut(p.toAPI[i], ":")
		change = append(change, example(i)+":5432", p.toPostgres[i], "addr "+example(i)+" port 8008",
			"addr "+address+" port "+port)
	}
	config, err := c.write("haproxy.cfg", "haproxy.cfg", change)
	if err != nil {
		return err
	}
	return c.beside(exec.Command(p.programs["haproxy"], "-db", "-f", config))
}

func (c *Cluster) startPooler(_ context.Context, p *plan) error {
	users, err := c.write("userlist.txt", "userlist.txt", nil)
	if err != nil {
		return err
	}
	config, err := c.write("pgbouncer.ini", "pgbouncer.ini", []string{"port=5000", "port=" + strconv.Itoa(p.balancer),
		"listen_port = 6432", "listen_port = " + strconv.Itoa(p.pooler), "/etc/pgbouncer/userlist.txt", users})
	if err != nil {
		return err
	}
	c.URL = fmt.Sprintf("postgres://wxcast:%s@%s/wxcast?sslmode=disable", clusterPassword, here(p.pooler))
	return c.beside(exec.Command(p.programs["pgbouncer"], config))
}

// prepare makes the database and its user, on the first leader.
func (c *Cluster) prepare(ctx context.Context, p *plan) error {
	if err := c.AwaitWhole(ctx, 2*time.Minute); err != nil {
		return err
	}
	script, err := c.adapt("wxcast.sql", nil)
	if err != nil {
		return err
	}
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	super := fmt.Sprintf("postgres://postgres:%s@%s/postgres?sslmode=disable", clusterPassword,
		here(p.nodes[slices.Index(c.Nodes, leader)].postgres))
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		if err := exec1(ctx, super, line); err != nil {
			return err
		}
	}
	return nil
}

var password = regexp.MustCompile(`PASSWORD-OF-[A-Z]+`)

// adapt is one of the files with what differs here, old and new by turns: the first that fits at
// a place is taken. What is not in the file is an error, so that the two do not drift apart.
func (c *Cluster) adapt(name string, change []string) (string, error) {
	raw, err := fs.ReadFile(c.files, name)
	if err != nil {
		return "", err
	}
	for i := 0; i < len(change); i += 2 {
		if !strings.Contains(string(raw), change[i]) {
			return "", fmt.Errorf("there is no %q in %s", change[i], name)
		}
	}
	text := password.ReplaceAllString(strings.NewReplacer(change...).Replace(string(raw)), clusterPassword)
	if left := regexp.MustCompile(`10\.0\.0\.\d+`).FindString(text); left != "" {
		return "", fmt.Errorf("%s is still in %s", left, name)
	}
	return text, nil
}

// write writes it.
func (c *Cluster) write(name, as string, change []string) (path string, err error) {
	text, err := c.adapt(name, change)
	if err != nil {
		return "", err
	}
	path = filepath.Join(c.dir, as)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// run starts a program as the user who may run Postgres.
func (c *Cluster) run(cmd *exec.Cmd) error {
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = c.attr, c.dir, c.log, c.log
	return cmd.Start()
}

// beside keeps a program running that is no node's, as systemd does.
func (c *Cluster) beside(cmd *exec.Cmd) error {
	if err := c.run(cmd); err != nil {
		return err
	}
	c.around.Go(func() {
		for {
			ended := make(chan struct{})
			go func() { _ = cmd.Wait(); close(ended) }()
			select {
			case <-ended:
			case <-c.stopping:
				_ = cmd.Process.Kill()
				<-ended
				return
			}
			c.restarts.Add(1)
			again := exec.Command(cmd.Path, cmd.Args[1:]...)
			again.Env = cmd.Env
			if cmd = again; c.run(cmd) != nil { // the log has why; what leads through it finds out
				return
			}
		}
	})
	return nil
}

// Restarts is how often etcd, HAProxy or PgBouncer had ended by themselves.
func (c *Cluster) Restarts() int64 { return c.restarts.Load() }

// awaitEtcd waits until an etcd has found the others: before, Patroni ends at once, and in
// production systemd starts it again.
func (c *Cluster) awaitEtcd(ctx context.Context, url string) error {
	var status int
	var body []byte
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; {
		status, body, err = c.get(ctx, url)
		if err == nil && status == http.StatusOK && !strings.Contains(string(body), "not_decided") {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("etcd does not come up: %d %s %w", status, body, errors.Join(err, ctx.Err()))
}

func (c *Cluster) get(ctx context.Context, url string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// Leader is the node that says so of itself.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; {
		for _, n := range c.Nodes {
			if n.Leads(ctx) {
				return n, nil
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil, errors.Join(errors.New("there is no leader"), ctx.Err())
}

// AwaitWhole waits until there is one leader, one synchronous standby and one more, and all
// nodes see the same.
func (c *Cluster) AwaitWhole(ctx context.Context, within time.Duration) error {
	var seen string
	for deadline := time.Now().Add(within); time.Now().Before(deadline) && ctx.Err() == nil; {
		whole := 0
		seen = ""
		for _, n := range c.Nodes {
			members, err := n.Members(ctx)
			seen += fmt.Sprintf("%s: %v %v\n", n.Name, members, err)
			roles, timelines := map[string]int{}, map[int]bool{}
			for _, m := range members {
				if m.State == "running" || m.State == "streaming" {
					roles[m.Role]++
					timelines[m.Timeline] = true
				}
			}
			if err == nil && roles["leader"] == 1 && roles["sync_standby"] == 1 && roles["replica"] == 1 &&
				len(timelines) == 1 {
				whole++
			}
		}
		if whole == len(c.Nodes) {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("the cluster is not whole after %v: %s", within, seen), ctx.Err())
}

// Log is the end of what all programs of the cluster have printed.
func (c *Cluster) Log() string {
	const most = 1 << 20
	raw, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	return string(raw[max(0, len(raw)-most):])
}

// Stop ends all of it and removes its data.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		if n.patroni != nil {
			n.Resume()
			n.Kill()
		}
	}
	close(c.stopping)
	c.around.Wait()
	for _, cable := range c.cables {
		cable.Close()
	}
	if c.log != nil {
		_ = c.log.Close()
	}
	_ = os.RemoveAll(c.dir)
}
