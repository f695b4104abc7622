package cli

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastRunCommand() *cobra.Command {
	var f specFlags
	var yes, wait bool
	cmd := &cobra.Command{
		Use: "run SPEC.yaml",
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
	cmd.Flags().BoolVar(&yes, "yes", false, "")
	cmd.Flags().BoolVar(&wait, "wait", false, "")
	return cmd
}

func (a *app) broadcastCreateCommand() *cobra.Command {
	var f specFlags
	var yes bool
	var at string
	cmd := &cobra.Command{
		Use:     "create SPEC.yaml",
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
				a.writeBroadcast(w, summary)
				if summary.State == wxcast.BroadcastScheduled {
					a.line(w, "broadcast.serve_begins", "id", summary.ID, "at", *summary.ResumeAt)
					return
				}
				a.line(w, "broadcast.start_begins", "id", summary.ID)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "")
	cmd.Flags().StringVar(&at, "at", "", "")
	return cmd
}

// broadcastGoOnCommand goes on with a stored broadcast in one of some states.
func (a *app) broadcastGoOnCommand(name string, from ...wxcast.BroadcastState) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:     name + " ID",
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
	cmd.Flags().BoolVar(&wait, "wait", false, "")
	return cmd
}

// printSent prints a broadcast that this process worked on.
func (a *app) printSent(sent account.Sent, err error) error {
	if sent.Summary.ID == 0 { // it did not come to that
		return err
	}
	if printErr := a.print(sent.Summary, func(w io.Writer) { a.writeBroadcast(w, sent.Summary) }); printErr != nil ||
		err != nil {
		return errors.Join(err, printErr)
	}
	return stopped(sent.Broadcast)
}

// stopped is the error of a broadcast that is not at its end, for the exit code.
func stopped(b wxcast.Broadcast) error {
	switch b.State {
	case wxcast.BroadcastWaiting:
		return &stateError{b.State, wxcast.NewError("broadcast.stopped_waits", "id", b.ID, "reason", b.Reason, "at",
			b.ResumeAt)}
	case wxcast.BroadcastPaused:
		return &stateError{b.State, wxcast.NewError("broadcast.stopped_paused", "id", b.ID, "reason", b.Reason)}
	}
	return nil
}
