package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func (a *app) broadcastPreviewCommand() *cobra.Command {
	var f specFlags
	var messages int
	cmd := &cobra.Command{
		Use:   "preview SPEC.yaml",
		Short: "Show who would get a broadcast, what they would see, and when it would end; send nothing",
		Long: `Check a spec against the account's real template and every recipient, and show who
is in and who is out and why, the quota that it takes, how long it lasts at the rate,
and the first messages as people would see them. Nothing is sent or stored.`,
		Example: "  wxcast broadcast preview spring-sale.yaml\n  wxcast broadcast preview spring-sale.yaml --messages 10 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := a.loadSpec(cmd, args[0], f)
			if err != nil {
				return err
			}
			if messages < 0 || messages > 1000 {
				return usageError{fmt.Errorf("--messages: %d is not a number from 0 to 1000", messages)}
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
			return a.print(p, func(w io.Writer) { writePreview(w, spec, p) })
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&messages, "messages", 3, "how many messages to show")
	return cmd
}

func writePreview(w io.Writer, spec account.Spec, p account.Preview) {
	fmt.Fprintf(w, "%s: %s of %s followers would get it.\n", spec.Name, count(p.Recipients-p.BadValues), count(p.Followers))
	rows := [][]string{{"in", count(p.Recipients - p.BadValues), ""}}
	for _, out := range p.Out {
		rows = append(rows, []string{"out", count(out.N), out.Reason})
		if out.Reason == "not bridged" {
			rows = append(rows,
				[]string{"", count(p.NotBridged.WithoutUnionID), "of all: without unionid"},
				[]string{"", count(p.NotBridged.NotInMiniProgram), "of all: not in the mini program"},
				[]string{"", count(p.NotBridged.Ambiguous), "of all: unionid stands on several people"})
		}
	}
	if p.BadValues > 0 {
		rows = append(rows, []string{"out", count(p.BadValues), "values that WeChat would refuse"})
	}
	table.Write(w, "  ", rows...)
	if p.List != nil && p.List.Rows > p.List.Found {
		fmt.Fprintf(w, "Of the list's %s rows, %s are nobody who follows.\n", count(p.List.Rows), count(p.List.Rows-p.List.Found))
	}
	switch {
	case p.Quota.Limit == 0:
		fmt.Fprintln(w, "Quota: WeChat did not tell it.")
	default:
		fmt.Fprintf(w, "Quota: %s of %s a day are used, %s are kept free, so %s can go today.\n", count(p.Quota.Used), count(p.Quota.Limit), count(p.Quota.Keep), count(p.Quota.Remain))
	}
	length := time.Duration(p.Seconds * float64(time.Second)).Round(time.Second)
	if p.EndsAt == nil {
		fmt.Fprintln(w, "It would never end: the quota leaves nothing for it.")
	} else {
		fmt.Fprintf(w, "At %v a second: %v of sending on %d days; begun now, it ends %s (Beijing).\n", p.Rate, length, p.Days, p.EndsAt.In(wxcast.Beijing).Format("2006-01-02 15:04:05"))
	}
	for _, m := range p.Messages {
		fmt.Fprintf(w, "\nTo %s, opens %s\n", m.OpenID, text.Or(m.PagePath))
		var rows [][]string
		for _, key := range slices.Sorted(maps.Keys(m.Data)) {
			rows = append(rows, []string{key, m.Data[key]})
		}
		table.Write(w, "  ", rows...)
	}
}
