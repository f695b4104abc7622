package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
)

func (a *app) broadcastPreviewCommand() *cobra.Command {
	var f specFlags
	var messages int
	cmd := &cobra.Command{
		Use:     "preview SPEC.yaml",
		Example: "  wxcast broadcast preview spring-sale.yaml\n  wxcast broadcast preview spring-sale.yaml --messages 10 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.loadSpec(cmd, args[0], f)
			if err != nil {
				return err
			}
			if messages < 0 || messages > 1000 {
				return outside("messages", messages, 0, 1000)
			}
			of, err := a.openCallingAccount(cmd.Context())
			if err != nil {
				return err
			}
			defer of.CloseAll()
			p, err := of.PreviewBroadcast(asked(cmd), spec, max(messages, 1))
			if err != nil {
				return err
			}
			p.Messages = p.Messages[:min(messages, len(p.Messages))]
			return a.print(p, func(w io.Writer) { a.writePreview(w, spec, p) })
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&messages, "messages", 3, "")
	return cmd
}

func (a *app) writePreview(w io.Writer, spec account.Spec, p account.Preview) {
	a.line(w, "preview.who", "name", spec.Name, "n", p.Recipients-p.BadValues, "of", p.Followers)
	rows := [][]string{{a.lang.T("preview.in"), count(p.Recipients - p.BadValues), ""}}
	for _, out := range p.Out {
		rows = append(rows, []string{a.lang.T("preview.out"), count(out.N), a.lang.Say(account.OutReason(out.Reason))})
		if out.Reason == "not bridged" {
			rows = append(rows,
				[]string{"", count(p.NotBridged.WithoutUnionID), a.lang.T("preview.without_unionid")},
				[]string{"", count(p.NotBridged.NotInMiniProgram), a.lang.T("preview.not_in_mini_program")},
				[]string{"", count(p.NotBridged.Ambiguous), a.lang.T("preview.ambiguous")})
		}
	}
	if len(p.ByChannel) > 1 {
		for _, name := range p.Channels {
			rows = append(rows, []string{a.lang.T("preview.by"), count(p.ByChannel[name].Reached),
				a.lang.T("channel." + name)})
		}
	}
	if p.BadValues > 0 {
		rows = append(rows, []string{a.lang.T("preview.out"), count(p.BadValues), a.lang.T("preview.bad_values")})
	}
	if p.HeldOut > 0 {
		rows = append(rows, []string{a.lang.T("preview.out"), count(p.HeldOut), a.lang.T("preview.held_out")})
	}
	table.Write(w, "  ", rows...)
	if p.List != nil && p.List.Rows > p.List.Found {
		a.line(w, "preview.list", "rows", p.List.Rows, "n", p.List.Rows-p.List.Found)
	}
	switch {
	case p.Quota.Limit == 0:
		a.line(w, "preview.no_quota")
	default:
		a.line(w, "preview.quota", "used", p.Quota.Used, "limit", p.Quota.Limit, "keep", p.Quota.Keep, "remain",
			p.Quota.Remain)
	}
	length := time.Duration(p.Seconds * float64(time.Second)).Round(time.Second)
	if p.EndsAt == nil {
		a.line(w, "preview.never")
	} else {
		a.line(w, "preview.ends", "rate", p.Rate, "length", length, "days", p.Days, "at", *p.EndsAt)
	}
	for _, m := range p.Messages {
		code := "preview.message"
		if len(p.ByChannel) > 1 {
			code = "preview.message_by"
		}
		fmt.Fprintln(w, "\n"+a.lang.T(code, "openid", m.OpenID, "page", text.Or(m.PagePath), "channel",
			a.lang.T("channel."+m.Channel)))
		if text := cmp.Or(m.Title, m.Text); text != "" {
			fmt.Fprintln(w, "  "+text)
		}
		var rows [][]string
		for _, key := range slices.Sorted(maps.Keys(m.Data)) {
			rows = append(rows, []string{key, m.Data[key]})
		}
		table.Write(w, "  ", rows...)
	}
}
