package pgserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Node is one machine of the cluster.
type Node struct {
	Name    string
	c       *Cluster
	patroni *exec.Cmd
	config  string
	data    string
	api     string // Patroni's, past the cables
	// cables are all ways to this node and from it, but for its etcd, whose machine is another.
	cables  []*Cable
	stopped []int // processes
}

// Member is what Patroni says of a node.
type Member struct {
	Name, Role, State string
	Lag               any
	Timeline          int
}

// Members is the cluster as one node's Patroni sees it.
func (n *Node) Members(ctx context.Context) ([]Member, error) {
	var cluster struct{ Members []Member }
	status, body, err := n.c.get(ctx, n.api+"/cluster")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", n.Name, status)
	}
	return cluster.Members, json.Unmarshal(body, &cluster)
}

// Leads tells whether a node says of itself that it is the leader, as HAProxy asks it.
func (n *Node) Leads(ctx context.Context) bool {
	status, _, err := n.c.get(ctx, n.api+"/primary")
	return err == nil && status == http.StatusOK
}

// Kill kills a node's Patroni and its Postgres, as a power cut does.
func (n *Node) Kill() {
	for _, pid := range n.stop() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = n.patroni.Wait()
}

// Start starts a node that was killed.
func (n *Node) Start() error {
	n.patroni = exec.Command(n.patroni.Path, n.patroni.Args[1:]...)
	return n.c.run(n.patroni)
}

// Pause stops all processes of a node where they are, as a machine does that is suspended.
func (n *Node) Pause() { n.stopped = n.stop() }

// Resume lets them go on.
func (n *Node) Resume() {
	for _, pid := range n.stopped {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	n.stopped = nil
}

// CutOff cuts all of a node's lines: to etcd, to the other nodes and to HAProxy.
func (n *Node) CutOff() {
	for _, c := range n.cables {
		c.Pull()
	}
}

// Reconnect mends them.
func (n *Node) Reconnect() {
	for _, c := range n.cables {
		c.Plug()
	}
}

// Switchover hands the lead over to the synchronous standby, as patronictl switchover does.
func (n *Node) Switchover(ctx context.Context) error {
	body := fmt.Sprintf(`{"leader": %q}`, n.Name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.api+"/switchover", strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("switchover: status %d: %s", resp.StatusCode, answer)
	}
	return nil
}

// stop stops Patroni and its Postgres with all their children, parents first so that nobody
// begins new ones, and returns whom it stopped.
func (n *Node) stop() (pids []int) {
	if n.patroni == nil || n.patroni.Process == nil {
		return nil
	}
	send := func(pid int) {
		if syscall.Kill(pid, syscall.SIGSTOP) == nil {
			pids = append(pids, pid)
		}
	}
	parents := []int{n.patroni.Process.Pid}
	raw, _ := os.ReadFile(filepath.Join(n.data, "postmaster.pid"))
	first, _, _ := strings.Cut(string(raw), "\n")
	// The file may be an old one.
	if postmaster, err := strconv.Atoi(first); err == nil && isPostgres(postmaster, n.data) {
		parents = append(parents, postmaster)
	}
	for _, parent := range parents {
		send(parent)
		for _, pid := range childrenOf(parent) {
			send(pid)
		}
	}
	return pids
}

// isPostgres tells whether a process is the Postgres of a folder.
func isPostgres(pid int, data string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(raw), data)
}

func childrenOf(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid …; a name may hold anything.
		rest := string(raw[strings.LastIndexByte(string(raw), ')')+1:])
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}
