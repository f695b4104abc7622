package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// sendFlags say whom a message goes to, and when.
type sendFlags struct {
	to, at, expires, key, varsFile string
	vars                           []string
	wait                           bool
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use: "send SPEC.yaml|PRESET --to ID",
		Example: `  wxcast send order-shipped --to oCJUsw9O7spQia91XWy7NQSCS-QE --var order=20261130 --key order-20261130 --wait
  wxcast send order-shipped.yaml --to oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k --at "2026-11-30 10:00"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.request(a, args[0])
			if err != nil {
				return err
			}
			a.useAccountOf(r.Spec)
			ctx := asked(cmd)
			of, err := a.openCallingAccount(ctx)
			if err != nil {
				return err
			}
			defer of.CloseAll()
			answer, err := of.SendMessage(ctx, r)
			if err != nil {
				return err
			}
			m, err := a.sent(ctx, of, answer.ID, f.wait)
			if err != nil {
				return err
			}
			return errors.Join(a.print(m, func(w io.Writer) { a.writeMessage(w, m) }), notSent(m))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "")
	flags.StringArrayVar(&f.vars, "var", nil, "")
	flags.StringVar(&f.varsFile, "vars", "", "")
	flags.StringVar(&f.at, "at", "", "")
	flags.StringVar(&f.expires, "expires", "", "")
	flags.StringVar(&f.key, "key", "", "")
	flags.BoolVar(&f.wait, "wait", false, "")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (a *app) sent(ctx context.Context, of *account.Account, id int64, wait bool) (account.Message, error) {
	if wait {
		return of.WaitForMessage(ctx, id)
	}
	return of.Message(ctx, id)
}

// request makes the flags into one. What is named is a preset, unless it is a file.
func (f sendFlags) request(a *app, named string) (r account.MessageRequest, err error) {
	r = account.MessageRequest{To: f.to, At: f.at, ExpiresAt: f.expires, Key: f.key}
	if f.wait && f.at != "" {
		return r, badFlag("wait", wxcast.Say("send.wait_and_at"), wxcast.Say("send.want_wait_or_at"))
	}
	if r.Vars, err = f.variables(); err != nil {
		return r, err
	}
	if !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(named))) {
		r.Preset = named
		return r, nil
	}
	raw, err := os.ReadFile(named)
	if err != nil {
		return r, &wxcast.BadInput{File: named, Problem: wxcast.Say("input.unreadable"),
			Want: wxcast.Say("send.want_spec")}
	}
	r.Spec, err = account.ReadMessageSpec(named, raw, filepath.Dir(named))
	return r, err
}

// variables are those of a file, and of the flags on top.
func (f sendFlags) variables() (map[string]string, error) {
	vars := map[string]string{}
	if f.varsFile != "" {
		raw, err := os.ReadFile(f.varsFile)
		if err != nil {
			return nil, &wxcast.BadInput{File: f.varsFile, Problem: wxcast.Say("input.unreadable"),
				Want: wxcast.Say("send.want_vars")}
		}
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber()
		var all map[string]any
		if err := dec.Decode(&all); err != nil {
			return nil, &wxcast.BadInput{File: f.varsFile, Problem: wxcast.Say("send.no_json", "why", err.Error()),
				Want: wxcast.Say("send.want_vars")}
		}
		for name, value := range all {
			switch value.(type) {
			case string, json.Number, bool:
				vars[name] = fmt.Sprint(value)
			default:
				return nil, &wxcast.BadInput{File: f.varsFile, Key: name, Problem: wxcast.Say("spec.no_scalar"),
					Want: wxcast.Say("send.want_vars")}
			}
		}
	}
	for _, one := range f.vars {
		name, value, ok := strings.Cut(one, "=")
		if !ok {
			return nil, badFlag("var", wxcast.Say("input.invalid", "value", one), wxcast.Say("input.example", "example",
				"--var order=20261130"))
		}
		vars[name] = value
	}
	return vars, nil
}

func (a *app) writeMessage(w io.Writer, m account.Message) {
	a.line(w, "send.message", "id", m.ID, "recipient", m.Recipient, "state", account.State(m.State), "channel",
		m.Channel)
	switch {
	case m.State == string(wxcast.DeliveryPending):
		a.line(w, "send.pending", "at", m.SendAt)
	case m.ErrCode != 0:
		a.line(w, "send.errcode", "code", m.ErrCode, "why", m.Why)
	}
}

// notSent is the error of a message that did not leave.
func notSent(m account.Message) error {
	switch wxcast.DeliveryState(m.State) {
	case wxcast.DeliverySent, wxcast.DeliveryPending:
		return nil
	}
	return wxcast.NewError("send.not_sent", "id", m.ID, "state", account.State(m.State))
}

func (a *app) presetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "preset"}
	var name string
	put := &cobra.Command{
		Use: "put FILE", Example: "  wxcast preset put order-shipped.yaml", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return &wxcast.BadInput{File: args[0], Problem: wxcast.Say("input.unreadable"),
					Want: wxcast.Say("input.want_yaml")}
			}
			of, err := a.openCallingAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			p, err := of.PutPreset(asked(cmd), name, args[0], raw, account.PicturesBeside(args[0]))
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) {
				code := "preset.put"
				if !p.New {
					code = "preset.as_before"
				}
				a.line(w, code, "name", p.Name, "version", p.Version)
			})
		},
	}
	put.Flags().StringVar(&name, "name", "", "")
	cmd.AddCommand(put, a.presetListCommand(), a.presetShowCommand(), a.presetRemoveCommand())
	return cmd
}

func (a *app) presetListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Example: "  wxcast preset list", Args: cobra.NoArgs,
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, _ []string) error {
			all, err := of.Presets(ctx)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"presets": all}, func(w io.Writer) {
				if len(all) == 0 {
					a.line(w, "preset.none_yet")
					return
				}
				rows := [][]string{a.heads("name", "version", "at_beijing")}
				for _, p := range all {
					rows = append(rows, []string{p.Name, count(p.Version), a.minute(p.CreatedAt)})
				}
				table.Write(w, "", rows...)
			})
		}),
	}
}

func (a *app) presetShowCommand() *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use: "show NAME", Example: "  wxcast preset show order-shipped\n  wxcast preset show order-shipped --version 2",
		Args: cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			p, err := of.Preset(ctx, args[0], version)
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) { fmt.Fprintln(w, strings.TrimRight(p.Spec, "\n")) })
		}),
	}
	cmd.Flags().IntVar(&version, "version", 0, "")
	return cmd
}

func (a *app) presetRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Example: "  wxcast preset remove order-shipped", Args: cobra.ExactArgs(1),
		RunE: a.withAccount(func(ctx context.Context, of *account.Account, args []string) error {
			if err := of.RemovePreset(ctx, args[0]); err != nil {
				return err
			}
			return a.print(map[string]any{"name": args[0]}, func(w io.Writer) {
				a.line(w, "preset.removed", "name", args[0])
			})
		}),
	}
}
