package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

func (a *app) broadcastCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "broadcast",
		Short: "Send template messages to the bridged followers",
		Long: `Send one template message to each bridged follower: at the asked rate, inside the
day's quota, and so that a crash skips no one and repeats no one.

WeChat allows template messages as service notices that people asked for. Sending
marketing risks the template and the account.`,
	}
	cmd.AddCommand(
		a.broadcastPreviewCommand(), a.broadcastTestCommand(), a.broadcastRunCommand(),
		a.broadcastStatusCommand(), a.broadcastListCommand(), a.broadcastExportCommand(),
		a.broadcastMoveCommand("pause", "Pause a running broadcast", wxcast.BroadcastPaused, wxcast.BroadcastRunning, wxcast.BroadcastWaiting),
		a.broadcastMoveCommand("cancel", "End a broadcast; who has no message yet gets none", wxcast.BroadcastCancelled,
			wxcast.BroadcastRunning, wxcast.BroadcastWaiting, wxcast.BroadcastPaused),
		a.broadcastResumeCommand(),
	)
	return cmd
}

// specFlags change what a spec says, for one command.
type specFlags struct {
	rate       float64
	onBadValue string
}

func (f *specFlags) add(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.rate, "rate", 0, "messages per second, whatever the spec says")
	cmd.Flags().StringVar(&f.onBadValue, "on-bad-value", "", "what to do about a value that WeChat would refuse: stop, skip or truncate")
}

// loadSpec reads a spec, with the flags on top.
func (a *app) loadSpec(cmd *cobra.Command, file string, f specFlags) (*broadcast.Spec, error) {
	if cmd.Flags().Changed("rate") && !(f.rate >= 0.01 && f.rate <= 100_000) {
		return nil, &wxcast.BadInput{Key: "--rate", Problem: fmt.Sprintf("%v is not a number of messages per second from 0.01 to 100000", f.rate), Want: "write for example --rate 50"}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, &wxcast.BadInput{File: file, Problem: "cannot be read", Want: "name a YAML file that exists"}
	}
	spec, err := broadcast.ParseSpec(file, raw)
	if err != nil {
		return nil, err
	}
	if f.onBadValue != "" {
		var ok bool
		if spec.OnBadValue, ok = broadcast.ParseOnBadValue(f.onBadValue); !ok {
			return nil, &wxcast.BadInput{Key: "--on-bad-value", Problem: fmt.Sprintf("%q is no way to treat a value", f.onBadValue), Want: "write stop, skip or truncate"}
		}
	}
	if f.rate > 0 {
		spec.Rate = f.rate
	}
	if a.account == "" {
		a.account = spec.Account
	}
	return spec, nil
}

func (a *app) broadcastRunCommand() *cobra.Command {
	var f specFlags
	var yes bool
	cmd := &cobra.Command{
		Use:   "run SPEC.yaml",
		Short: "Run a broadcast to its end, or go on with it",
		Long: `Run the broadcast that a spec describes. Before the first message goes out, every
value of every recipient is filled in and held against the template.

The same name and content is the same broadcast: run again after a crash, an
interrupt, a pause or a spent quota, it goes on where it was.

Exit codes: 0 done, 3 the day's quota is used up (run again tomorrow), 4 paused,
130 interrupted.`,
		Example: `  wxcast broadcast run spring-sale.yaml
  wxcast broadcast run spring-sale.yaml --rate 20 --yes --json
  wxcast broadcast run spring-sale.yaml --on-bad-value=truncate`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.loadSpec(cmd, args[0], f)
			if err != nil {
				return err
			}
			s, err := a.openCallingSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			return a.runSpec(cmd.Context(), s, spec, yes)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before a large broadcast")
	return cmd
}

// checkedSpec is a spec that fits the account and its templates.
type checkedSpec struct {
	*broadcast.Spec
	mini   wxcast.AppID
	miniID int64
}

func (s *session) checkSpec(ctx context.Context, spec *broadcast.Spec) (checkedSpec, error) {
	mini, miniID, err := s.miniProgram(ctx, spec.MiniAppID)
	if err != nil {
		return checkedSpec{}, err
	}
	templates, err := s.client.ListTemplates(ctx)
	if err != nil {
		return checkedSpec{}, fmt.Errorf("ask WeChat for the account's templates: %w", err)
	}
	if bad := broadcast.CheckTemplate(spec, templates); len(bad) > 0 {
		return checkedSpec{}, errors.Join(bad...)
	}
	return checkedSpec{spec, wxcast.AppID(mini.AppID), miniID}, nil
}

// runSpec checks a spec against WeChat, runs its broadcast, and prints the summary.
func (a *app) runSpec(ctx context.Context, s *session, spec *broadcast.Spec, yes bool) error {
	checked, err := s.checkSpec(ctx, spec)
	if err != nil {
		return err
	}
	b, found, err := broadcast.Find(ctx, s.db, spec, s.accountID, checked.miniID, func() error {
		if err := a.checkValues(ctx, s, checked); err != nil {
			return err
		}
		return a.confirmBroadcast(ctx, s, spec, checked.miniID, yes)
	})
	if err != nil {
		return err
	}
	if found {
		a.tellFound(b)
	}
	return a.runBroadcast(ctx, s, b, spec, checked.mini)
}

// checkValues looks at every recipient's values before anything is sent.
func (a *app) checkValues(ctx context.Context, s *session, spec checkedSpec) error {
	message, err := broadcast.NewMessage(spec.Spec, spec.mini, "")
	if err != nil {
		return err
	}
	found, err := broadcast.Check(ctx, s.db, spec.Spec, message, s.accountID, spec.miniID, 0)
	if err != nil {
		return err
	}
	if found.Bad > 0 && spec.OnBadValue == broadcast.SkipBadValue {
		a.say("%s of %s recipients are left out: their values do not fit the template.", count(found.Bad), count(found.Recipients))
	}
	return nil
}

func (a *app) runBroadcast(ctx context.Context, s *session, b wxcast.Broadcast, spec *broadcast.Spec, mini wxcast.AppID) error {
	message, err := broadcast.NewMessage(spec, mini, b.MessageKey)
	if err != nil {
		return err
	}
	after, runErr := a.sendBroadcast(ctx, s, b, spec, message)
	summary, err := report.OfBroadcast(context.WithoutCancel(ctx), s.db, after)
	if err != nil {
		return errors.Join(runErr, err)
	}
	if err := a.print(summary, func(w io.Writer) { writeBroadcast(w, summary) }); err != nil {
		return errors.Join(runErr, err)
	}
	if runErr != nil {
		return runErr
	}
	return stopped(after)
}

// stopped is the error of a broadcast that is not at its end, for the exit code.
func stopped(b wxcast.Broadcast) error {
	switch b.State {
	case wxcast.BroadcastWaiting:
		return &stateError{b.State, fmt.Sprintf("broadcast %d waits: %s; it can go on from %s (Beijing), run the same command then", b.ID, b.Reason, b.ResumeAt.In(wxcast.Beijing).Format("2006-01-02 15:04"))}
	case wxcast.BroadcastPaused:
		return &stateError{b.State, fmt.Sprintf("broadcast %d is paused: %s", b.ID, b.Reason)}
	}
	return nil
}

// sendOptions are the spec's, and the configuration's where it does not say.
func (s *session) sendOptions(spec *broadcast.Spec) broadcast.Options {
	o := broadcast.Options{
		Rate: s.cfg.Broadcast.Rate, Concurrency: s.cfg.Broadcast.Concurrency, QuotaKeep: s.cfg.Broadcast.QuotaKeep,
		MaxFailures: s.cfg.Broadcast.MaxFailures, Log: s.log,
	}
	if spec.Rate > 0 {
		o.Rate = spec.Rate
	}
	if spec.QuotaKeep >= 0 {
		o.QuotaKeep = spec.QuotaKeep
	}
	return o
}

func (a *app) sendBroadcast(ctx context.Context, s *session, b wxcast.Broadcast, spec *broadcast.Spec, message *broadcast.Message) (wxcast.Broadcast, error) {
	o := s.sendOptions(spec)
	before, err := s.db.Tally(ctx, b.ID)
	if err != nil {
		return b, err
	}
	whole := before.Recipients
	if !b.Fixed {
		if whole, err = s.db.CountAudience(ctx, b.AccountID, b.MiniID); err != nil {
			return b, err
		}
	}
	bar := a.progress("sending")
	defer bar.end()
	done := before.Recipients - before.Pending
	o.Progress = func(p broadcast.Progress) { bar.set(done+p.Sent+p.Failed+p.Unknown, whole) }
	return broadcast.Run(ctx, s.db, s.client, b, message, o)
}

// confirmBroadcast asks for a yes before a large new broadcast.
func (a *app) confirmBroadcast(ctx context.Context, s *session, spec *broadcast.Spec, miniID int64, yes bool) error {
	n, err := s.db.CountAudience(ctx, s.accountID, miniID)
	if err != nil {
		return err
	}
	if n == 0 {
		return &wxcast.BadInput{Problem: "nobody is bridged, so there is nobody to send to", Want: "run wxcast sync, wxcast import and wxcast join first"}
	}
	if yes || n <= s.cfg.Broadcast.ConfirmAbove {
		return nil
	}
	return a.confirm(fmt.Sprintf("Send %q to %s people? Messages cannot be recalled, and WeChat punishes marketing.", spec.Name, count(n)))
}

func (a *app) tellFound(b wxcast.Broadcast) {
	switch b.State {
	case wxcast.BroadcastDone, wxcast.BroadcastCancelled:
		a.say("Broadcast %d (%s) is %s already; nothing is sent. Give the spec another name to send again.", b.ID, b.Name, b.State)
	default:
		a.say("Continuing broadcast %d (%s), begun %s (Beijing).", b.ID, b.Name, b.CreatedAt.In(wxcast.Beijing).Format(time.DateTime))
	}
}

func (a *app) broadcastStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status ID",
		Short:   "Show how a broadcast stands, counted from its deliveries",
		Example: "  wxcast broadcast status 3\n  wxcast broadcast status 3 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openSession)
			if err != nil {
				return err
			}
			defer s.Close()
			summary, err := report.OfBroadcast(cmd.Context(), s.db, b)
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) { writeBroadcast(w, summary) })
		},
	}
}

func (a *app) broadcastListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the account's broadcasts, the latest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openSession(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			all, err := s.db.BroadcastsAtWork(cmd.Context(), s.accountID, time.Time{}, s.db.Now())
			if err != nil {
				return err
			}
			summaries := make([]report.Broadcast, len(all))
			for i, b := range all {
				if summaries[i], err = report.OfBroadcast(cmd.Context(), s.db, b); err != nil {
					return err
				}
			}
			return a.print(map[string]any{"broadcasts": summaries}, func(w io.Writer) {
				rows := [][]string{{"ID", "NAME", "STATE", "RECIPIENTS", "SENT", "FAILED", "UNKNOWN", "PENDING"}}
				for _, s := range summaries {
					rows = append(rows, []string{strconv.FormatInt(s.ID, 10), s.Name, string(s.State), count(s.Recipients), count(s.Sent), count(s.Failed), count(s.Unknown), count(s.Pending)})
				}
				table.Write(w, "", rows...)
			})
		},
	}
}

func (a *app) broadcastMoveCommand(name, short string, to wxcast.BroadcastState, from ...wxcast.BroadcastState) *cobra.Command {
	return &cobra.Command{
		Use:     name + " ID",
		Short:   short,
		Example: "  wxcast broadcast " + name + " 3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openSession)
			if err != nil {
				return err
			}
			defer s.Close()
			if !slices.Contains(from, b.State) {
				return usageError{fmt.Errorf("broadcast %d is %s, so it cannot be %s", b.ID, b.State, to)}
			}
			moved, err := s.db.MoveBroadcast(cmd.Context(), b.ID, b.State, to, "by hand", time.Time{})
			if err != nil {
				return err
			}
			if !moved {
				return fmt.Errorf("broadcast %d has just changed its state; look at it again", b.ID)
			}
			return a.print(map[string]any{"id": b.ID, "state": to}, func(w io.Writer) { fmt.Fprintf(w, "Broadcast %d (%s) is %s.\n", b.ID, b.Name, to) })
		},
	}
}

func (a *app) broadcastResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume ID",
		Short:   "Go on with a paused or waiting broadcast",
		Long:    "Go on with a broadcast from the spec that it was begun with, as \"broadcast run\" with the same spec does.",
		Example: "  wxcast broadcast resume 3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openCallingSession)
			if err != nil {
				return err
			}
			defer s.Close()
			if b.State.Final() {
				return usageError{fmt.Errorf("broadcast %d is %s: it has come to its end", b.ID, b.State)}
			}
			spec, err := broadcast.ParseSpec(fmt.Sprintf("the stored spec of broadcast %d", b.ID), []byte(b.Spec))
			if err != nil {
				return err
			}
			mini, _, err := s.miniProgram(cmd.Context(), spec.MiniAppID)
			if err != nil {
				return err
			}
			a.tellFound(b)
			return a.runBroadcast(cmd.Context(), s, b, spec, wxcast.AppID(mini.AppID))
		},
	}
}

// openBroadcast opens a session and finds the account's broadcast with that ID.
func (a *app) openBroadcast(ctx context.Context, arg string, open func(context.Context) (*session, error)) (*session, wxcast.Broadcast, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return nil, wxcast.Broadcast{}, usageError{fmt.Errorf("%q is no broadcast's ID; wxcast broadcast list shows them", arg)}
	}
	s, err := open(ctx)
	if err != nil {
		return nil, wxcast.Broadcast{}, err
	}
	b, err := s.db.Broadcast(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && b.AccountID != s.accountID {
		err = usageError{fmt.Errorf("account %s has no broadcast %d; wxcast broadcast list shows them", s.account.Name, id)}
	}
	if err != nil {
		s.Close()
		return nil, b, err
	}
	return s, b, nil
}

func writeBroadcast(w io.Writer, b report.Broadcast) {
	fmt.Fprintf(w, "Broadcast %d (%s) is %s", b.ID, b.Name, b.State)
	if b.Reason != "" {
		fmt.Fprintf(w, ": %s", b.Reason)
	}
	fmt.Fprintln(w, ".")
	rows := [][]string{
		{"  recipients", count(b.Recipients), ""},
		{"  sent", count(b.Sent), share(b.Sent, b.Recipients)},
	}
	for _, part := range []struct {
		name string
		n    int64
	}{{"failed", b.Failed}, {"skipped", b.Skipped}, {"unknown", b.Unknown}, {"pending", b.Pending}} {
		if part.n > 0 {
			rows = append(rows, []string{"  " + part.name, count(part.n), share(part.n, b.Recipients)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.ByErrCode)) {
		meaning := ""
		if code, err := strconv.Atoi(name); err == nil {
			if e, ok := wechat.Explain(code); ok {
				meaning = e.Meaning.EN
			}
		}
		rows = append(rows, []string{"    " + name, count(b.ByErrCode[name]), meaning})
	}
	table.Write(w, "", rows...)
}
