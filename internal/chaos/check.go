package main

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
)

// How much more than the rate may be counted in one second: where processes are killed, and
// share two cores with all else; and where some were held up, which finish what they had
// begun beside the others: one was stopped, or WeChat's answers kept all senders waiting.
const (
	rateMargin       = 1.1
	heldUpRateMargin = 1.25
)

// unknownMax is the share of recipients who may be left unknown by a kill each day.
const unknownMax = 0.05

type delivery struct {
	OpenID string `json:"openid"`
	State  string `json:"state"`
	MsgID  string `json:"msgid"`
}

// deliveries are our books.
func (r *round) deliveries(ctx context.Context) ([]delivery, error) {
	id, err := r.broadcastID(ctx)
	if err != nil {
		return nil, err
	}
	c, err := r.do(ctx, []int{0}, "broadcast", "export", id, "--format", "jsonl")
	if err != nil {
		return nil, err
	}
	return decodeLines[delivery](c.only.String())
}

// checkBroadcast holds our books against the platform's ledger: everybody has one message.
func (r *round) checkBroadcast(ctx context.Context) error {
	ours, err := r.deliveries(ctx)
	if err != nil {
		return err
	}
	state := r.sim.State()
	r.messages += state.Messages
	r.check("no one twice", state.Duplicates == 0, "%d messages too many", state.Duplicates)
	r.check("no one missing", state.People == r.sent, "%d of %d people have a message", state.People, r.sent)
	r.compare(ours, "sent")
	r.checkRate(state)
	if _, err := r.do(ctx, []int{0}, "report", "--format", "html"); err != nil {
		return err
	}
	return r.checkConnections(ctx)
}

func (r *round) checkRate(state simulator.State) {
	margin := rateMargin
	if slices.ContainsFunc([]string{workerStopped, workerFrozen, answersDelayed, clockJumped, clockSetBack, leaderKilled,
		leaderStopped, leaderCutOff, leaderSwitched}, func(fault string) bool { return r.injected[fault] > 0 }) {
		margin = heldUpRateMargin
	}
	if r.injected[workerFrozen] > 0 { // the clock jumped, and who woke adds what is in flight
		margin += roundTripMost.Seconds()
	}
	peak := float64(state.Calls[wechat.TemplateSendAPI].PeakPerSecond)
	r.check("the rate is never exceeded", peak <= float64(r.rate)*margin, "%v in one second, of %d", peak, r.rate)
}

// compare wants each delivery to be in a state that the ledger bears out.
func (r *round) compare(ours []delivery, states ...string) {
	theirs := map[string]string{}
	for m := range r.sim.Messages() {
		theirs[m.OpenID] = fmt.Sprint(m.MsgID)
	}
	wrong := []string{}
	for _, d := range ours {
		allowed := false
		for _, s := range states {
			allowed = allowed || d.State == s
		}
		if !allowed || d.State == "sent" && theirs[d.OpenID] != d.MsgID || d.State == "failed" &&
			theirs[d.OpenID] != "" {
			wrong = append(wrong, fmt.Sprintf("%s is %s with msgid %q, in truth %q", d.OpenID, d.State, d.MsgID,
				theirs[d.OpenID]))
		}
	}
	r.check("our books are the ledger", len(wrong) == 0 && len(ours) == r.sent, "%d deliveries of %d, %d wrong: %s",
		len(ours), r.sent, len(wrong), strings.Join(wrong[:min(3, len(wrong))], "; "))
}

// checkQuotaBroadcast is checkBroadcast where a day's end may leave some unknown: nobody is
// told that they have a message who has none, and what is unknown is said.
func (r *round) checkQuotaBroadcast(ctx context.Context) error {
	ours, err := r.deliveries(ctx)
	if err != nil {
		return err
	}
	unknown := 0
	for _, d := range ours {
		if d.State == "unknown" {
			unknown++
		}
	}
	state := r.sim.State()
	r.messages += state.Messages
	r.check("no one twice", state.Duplicates == 0, "%d messages too many", state.Duplicates)
	r.check("no one missing", state.People >= r.sent-unknown && float64(unknown) <= unknownMax*float64(r.sent),
		"%d of %d people have a message, %d are unknown", state.People, r.sent, unknown)
	r.checkRate(state)
	r.compare(ours, "sent", "unknown")
	return r.checkConnections(ctx)
}

// checkFollowers holds the followers against the truth.
func (r *round) checkFollowers(ctx context.Context) error {
	c, err := r.do(ctx, []int{0}, "followers", "export", "--format", "jsonl")
	if err != nil {
		return err
	}
	all, err := decodeLines[struct {
		OpenID  string `json:"openid"`
		UnionID string `json:"unionid"`
	}](c.only.String())
	if err != nil {
		return err
	}
	ours := map[string]string{}
	for _, f := range all {
		ours[f.OpenID] = f.UnionID
	}
	lost, wrong, truth := 0, 0, 0
	for openid, unionid := range r.sim.Followers() {
		truth++
		if got, ok := ours[openid]; !ok {
			lost++
		} else if got != unionid {
			wrong++
		}
	}
	r.check("no follower is wrongly unfollowed", lost == 0, "%d of %d who follow are marked as gone", lost, truth)
	r.check("followers and unionids are the truth", wrong == 0 && len(ours) == truth,
		"%d of %d, %d with a wrong unionid", len(ours), truth, wrong)
	return r.checkConnections(ctx)
}

// checkConnections wants no connection to be left when the processes have ended.
func (r *round) checkConnections(ctx context.Context) error {
	if !allEnded(r.commands) {
		return nil // serve is still there
	}
	if url := r.env["WXCAST_DATABASE_URL"]; strings.HasPrefix(url, "sqlite:") || strings.Contains(url, ",") { // one of several hosts is dead
		return nil
	}
	left := 0
	for range 30 { // the server needs a moment to see that a killed client is gone
		var err error
		if left, err = r.busyConnections(ctx); err != nil {
			return err
		}
		if left == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.check("no connection is leaked", left == 0, "%d connections are at work after the end", left)
	return nil
}

// busyConnections counts those to the round's database that do something, but for our own.
func (r *round) busyConnections(ctx context.Context) (n int, err error) {
	db, err := sql.Open("postgres", r.env["WXCAST_DATABASE_URL"])
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx,
		"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'").Scan(&n)
	return n, err
}

// someToken is how the platform's access tokens look.
var someToken = regexp.MustCompile(`(stable|plain)_[0-9a-f]{16,}`)

// checkOutputs looks for secrets and for panics in all that was printed.
func (r *round) checkOutputs() {
	if r.sim == nil {
		return
	}
	leaked, panicked := []string{}, ""
	look := func(where, text string) {
		for name, secret := range map[string]string{"the secret": r.sim.Secret,
			"the mini program's secret": r.sim.MiniSecret, "the callbacks' token": r.sim.Token,
			"the mini program's token": r.sim.MiniToken} {
			if strings.Contains(text, secret) {
				leaked = append(leaked, name+" in "+where)
			}
		}
		if someToken.MatchString(text) {
			leaked = append(leaked, "an access token in "+where)
		}
		if strings.Contains(text, "panic: ") || strings.Contains(text, "DATA RACE") {
			panicked = tail(text)
		}
	}
	for _, c := range r.commands {
		look(strings.Join(c.args, " "), c.out.String())
	}
	for _, page := range r.pages {
		look("/metrics", page)
	}
	r.check("no secret in any output", len(leaked) == 0, "%s", strings.Join(leaked, ", "))
	r.check("nothing panics", panicked == "", "%s", panicked)
}
