package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
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
			ctx := asked(cmd)
			of, err := a.openCallingAccount(ctx)
			if err != nil {
				return err
			}
			defer of.CloseAll()
			o := a.sending(a.asker(yes), wait)
			o.KeepRate = !cmd.Flags().Changed("rate")
			sent, err := of.RunBroadcast(ctx, spec, o)
			return a.printSent(sent, err)
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
			ctx := asked(cmd)
			of, err := a.openCallingAccount(ctx)
			if err != nil {
				return err
			}
			defer of.CloseAll()
			summary, err := of.CreateBroadcast(ctx, spec, account.Begin{Draft: at == "", At: at}, a.asker(yes))
			if err != nil {
				return err
			}
			return a.print(summary, func(w io.Writer) {
				writeBroadcast(w, summary)
				if summary.State == wxcast.BroadcastScheduled {
					fmt.Fprintf(w, "wxcast serve begins it at %s (Beijing), as does wxcast broadcast start %d.\n", summary.ResumeAt.In(wxcast.Beijing).Format(time.DateTime), summary.ID)
					return
				}
				fmt.Fprintf(w, "wxcast broadcast start %d begins it.\n", summary.ID)
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
			id, err := broadcastID(args[0])
			if err != nil {
				return err
			}
			ctx := asked(cmd)
			of, err := a.openCallingAccount(ctx)
			if err != nil {
				return err
			}
			defer of.CloseAll()
			sent, err := of.ContinueBroadcast(ctx, name, id, a.sending(a.asker(true), wait), from...)
			return a.printSent(sent, err)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "stay and go on by itself after quiet hours and spent quotas")
	return cmd
}

// printSent prints a broadcast that this process worked on.
func (a *app) printSent(sent account.Sent, err error) error {
	if sent.Summary.ID == 0 { // it did not come to that
		return err
	}
	if printErr := a.print(sent.Summary, func(w io.Writer) { writeBroadcast(w, sent.Summary) }); printErr != nil || err != nil {
		return errors.Join(err, printErr)
	}
	return stopped(sent.Broadcast)
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
