package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

func (a *app) broadcastRunCommand() *cobra.Command {
	var f specFlags
	var yes, wait bool
	cmd := &cobra.Command{
		Use:   "run SPEC.yaml",
		Short: "Run a broadcast to its end, or go on with it",
		Long: `Run the broadcast that a spec describes. Before the first message goes out, every
value of every recipient is filled in and held against the template.

The same name and content is the same broadcast: run again after a crash, an
interrupt, a pause or a spent quota, it goes on where it was. Run by several
processes on one Postgres, it is shared among them.

Exit codes: 0 done, 3 it waits (the day's quota is used up, or these are quiet
hours; run it again then), 4 paused, 130 interrupted. With --wait it waits itself.`,
		Example: `  wxcast broadcast run spring-sale.yaml
  wxcast broadcast run spring-sale.yaml --rate 20 --yes --json
  wxcast broadcast run spring-sale.yaml --on-bad-value=truncate --wait`,
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
			b, checked, err := s.findBroadcast(cmd.Context(), spec, broadcast.Begin{State: wxcast.BroadcastRunning}, a.asker(yes))
			if err != nil {
				return err
			}
			o := s.sendOptions(spec)
			if b.State == wxcast.BroadcastRunning && !cmd.Flags().Changed("rate") {
				o.Rate = 0 // as it is: a person may have changed it
			}
			return a.runBroadcast(cmd.Context(), s, b, checked, o, wait)
		},
	}
	f.addSending(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before a large broadcast")
	cmd.Flags().BoolVar(&wait, "wait", false, "stay and go on by itself after quiet hours and spent quotas")
	return cmd
}

func (a *app) broadcastCreateCommand() *cobra.Command {
	var f specFlags
	var yes bool
	var at string
	cmd := &cobra.Command{
		Use:   "create SPEC.yaml",
		Short: "Check and store a broadcast, to be started later",
		Long: `Check a spec as "broadcast run" does and store its broadcast without sending. Begin it
with "broadcast start". With --at it is scheduled: "wxcast serve" begins it by itself,
and "broadcast start" waits for the time. Its recipients are those at its start.`,
		Example: "  wxcast broadcast create spring-sale.yaml\n  wxcast broadcast create spring-sale.yaml --at \"2026-11-30 10:00\"",
		Args:    cobra.ExactArgs(1),
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
			begin, err := s.beginAt(at)
			if err != nil {
				return err
			}
			b, _, err := s.findBroadcast(cmd.Context(), spec, begin, a.asker(yes))
			if err != nil {
				return err
			}
			summary, err := report.OfBroadcast(cmd.Context(), s.db, b)
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) {
				writeBroadcast(w, summary)
				if !begin.At.IsZero() {
					fmt.Fprintf(w, "wxcast serve begins it at %s (Beijing), as does wxcast broadcast start %d.\n", begin.At.In(wxcast.Beijing).Format(time.DateTime), b.ID)
					return
				}
				fmt.Fprintf(w, "wxcast broadcast start %d begins it.\n", b.ID)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before a large broadcast")
	cmd.Flags().StringVar(&at, "at", "", "Beijing `TIME` at which it begins, such as \"2026-11-30 10:00\"")
	return cmd
}

// broadcastGoOnCommand goes on with a stored broadcast in one of some states.
func (a *app) broadcastGoOnCommand(name, short string, from ...wxcast.BroadcastState) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:     name + " ID",
		Short:   short,
		Long:    short + ", from the spec that it was stored with, as \"broadcast run\" with that spec does.",
		Example: "  wxcast broadcast " + name + " 3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, b, err := a.openBroadcast(cmd.Context(), args[0], a.openCallingSession)
			if err != nil {
				return err
			}
			defer s.Close()
			if !slices.Contains(from, b.State) {
				return usageError{fmt.Errorf("broadcast %d is %s; %s takes one that is %s", b.ID, b.State, name, orList(from))}
			}
			spec, err := storedSpec(cmd.Context(), s, b)
			if err != nil {
				return err
			}
			o := s.sendOptions(spec.Spec)
			o.Rate = 0 // as it is
			tellFound(a.say, b)
			return a.runBroadcast(cmd.Context(), s, b, spec, o, wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "stay and go on by itself after quiet hours and spent quotas")
	return cmd
}

func orList[T ~string](all []T) string {
	text := ""
	for i, s := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			text += " or "
		default:
			text += ", "
		}
		text += string(s)
	}
	return text
}

// storedSpec is the spec that a broadcast was stored with. Its lists are in the store.
func storedSpec(ctx context.Context, s *session, b wxcast.Broadcast) (checkedSpec, error) {
	spec, err := broadcast.ParseSpec(fmt.Sprintf("the stored spec of broadcast %d", b.ID), []byte(b.Spec))
	if err != nil {
		return checkedSpec{}, err
	}
	mini, miniID, err := s.miniProgram(ctx, spec.MiniAppID)
	return checkedSpec{spec, wxcast.AppID(mini.AppID), miniID}, err
}

// beginAt is a draft, or what begins at a Beijing time.
func (s *session) beginAt(at string) (begin broadcast.Begin, err error) {
	if at == "" {
		return broadcast.Begin{State: wxcast.BroadcastDraft}, nil
	}
	begin.State = wxcast.BroadcastScheduled
	if begin.At, err = broadcast.ParseTime(at); err != nil {
		return begin, &wxcast.BadInput{Key: "--at", Problem: wxcast.Plain(err.Error()), Want: wxcast.Plain("write it in quotes")}
	}
	if begin.At.Before(s.db.Now()) {
		return begin, &wxcast.BadInput{Key: "--at", Problem: wxcast.Plain(fmt.Sprintf("%s is over", at)), Want: wxcast.Plain("name a time to come, in Beijing")}
	}
	return begin, nil
}

// findBroadcast checks a spec against WeChat and finds its broadcast, or makes it.
func (s *session) findBroadcast(ctx context.Context, spec *broadcast.Spec, begin broadcast.Begin, who asker) (wxcast.Broadcast, checkedSpec, error) {
	checked, err := s.checkSpec(ctx, spec)
	if err != nil {
		return wxcast.Broadcast{}, checked, err
	}
	begin.Rate = s.sendOptions(spec).Rate
	b, found, err := broadcast.Find(ctx, s.db, spec, s.accountID, checked.miniID, begin, func() (wxcast.Audience, error) {
		return s.prepare(ctx, checked, who)
	})
	if found {
		tellFound(who.say, b)
	}
	return b, checked, err
}

// runBroadcast sends until the broadcast ends or stops, and prints the summary. With
// wait it goes on after each wait.
func (a *app) runBroadcast(ctx context.Context, s *session, b wxcast.Broadcast, spec checkedSpec, o broadcast.Options, wait bool) error {
	message, err := broadcast.NewMessage(spec.Spec, spec.mini, b.MessageKey)
	if err != nil {
		return err
	}
	if b.State == wxcast.BroadcastScheduled {
		if err := a.sleepUntil(ctx, s, b.ResumeAt, fmt.Sprintf("Broadcast %d begins", b.ID)); err != nil {
			return err
		}
	}
	after, runErr := a.sendBroadcast(ctx, s, b, message, o)
	for wait && runErr == nil && after.State == wxcast.BroadcastWaiting {
		a.say("Broadcast %d waits: %s.", b.ID, after.Reason)
		if runErr = a.sleepUntil(ctx, s, after.ResumeAt, "It goes on"); runErr == nil {
			after, runErr = a.sendBroadcast(ctx, s, after, message, o)
		}
	}
	if ctx.Err() != nil { // the counts are told all the same, but not waited for
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
		defer cancel()
	}
	summary, err := report.OfBroadcast(ctx, s.db, after)
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

// tellWithin is how long the counts of a broadcast that was stopped are waited for.
const tellWithin = 5 * time.Second

// clockPoll is how often a long wait looks at the clock: a machine may sleep meanwhile.
const clockPoll = 5 * time.Second

// sleepUntil waits for a time of the store's clock, and says so.
func (a *app) sleepUntil(ctx context.Context, s *session, until time.Time, what string) error {
	if s.db.Now().Before(until) {
		a.say("%s at %s (Beijing).", what, until.In(wxcast.Beijing).Format(time.DateTime))
	}
	for {
		left := until.Sub(s.db.Now())
		if left <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(left, clockPoll)):
		}
	}
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

// Sending makes much short-lived garbage beside a small heap: collecting it less
// often saves a tenth of the CPU, within so much memory and so much more for each call
// in flight. SQLite's pages are in this process, too, and are none of the collector's.
const (
	sendingGCPercent = 400
	sendingMemory    = 48 << 20
	sqlitePages      = 20 << 20
	memoryOfACall    = 64 << 10
)

func collectLess(engine store.Engine, concurrency int) (undo func()) {
	memory := sendingMemory + int64(concurrency)*memoryOfACall
	if engine == store.SQLite {
		memory -= sqlitePages
	}
	percent := debug.SetGCPercent(sendingGCPercent)
	limit := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, memory))
	return func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }
}

func (a *app) sendBroadcast(ctx context.Context, s *session, b wxcast.Broadcast, message *broadcast.Message, o broadcast.Options) (wxcast.Broadcast, error) {
	before, err := s.db.Tally(ctx, b.ID)
	if err != nil {
		return b, err
	}
	whole := before.Recipients
	if !b.Fixed {
		whole = s.recipients // 0, not known, where the broadcast was begun before
	}
	bar := a.progress("sending")
	defer bar.end()
	done := before.Recipients - before.Pending
	o.Progress = func(p broadcast.Progress) { bar.set(done+p.Sent+p.Failed+p.Skipped+p.Unknown, whole) }
	defer collectLess(s.db.Engine(), o.Concurrency)()
	return broadcast.Run(ctx, s.db, s.client, b, message, o)
}

func tellFound(say func(format string, args ...any), b wxcast.Broadcast) {
	switch b.State {
	case wxcast.BroadcastDone, wxcast.BroadcastCancelled:
		say("Broadcast %d (%s) is %s already; nothing is sent. Give the spec another name to send again.", b.ID, b.Name, b.State)
	case wxcast.BroadcastDraft, wxcast.BroadcastScheduled:
		say("Beginning broadcast %d (%s), stored %s (Beijing).", b.ID, b.Name, b.CreatedAt.In(wxcast.Beijing).Format(time.DateTime))
	default:
		say("Continuing broadcast %d (%s), begun %s (Beijing).", b.ID, b.Name, b.CreatedAt.In(wxcast.Beijing).Format(time.DateTime))
	}
}
