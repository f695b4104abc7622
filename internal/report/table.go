package report

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/wxcast/wxcast/internal/table"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// WriteTable renders a report for a terminal.
func WriteTable(w io.Writer, r Report) {
	fmt.Fprintf(w, "Account %s on %s (Beijing)\n", r.Account, r.Day)
	section := func(title string, rows ...[]any) {
		fmt.Fprintf(w, "\n%s\n", title)
		cells := make([][]string, len(rows))
		for i, row := range rows {
			for _, cell := range row {
				cells[i] = append(cells[i], fmt.Sprint(cell))
			}
		}
		table.Write(w, "  ", cells...)
	}

	quotas := [][]any{{"API", "LIMIT", "USED", "BY WXCAST", "BY OTHERS", "LEFT"}}
	for _, api := range r.APIs {
		if api.Limit == 0 {
			quotas = append(quotas, []any{api.API, "unknown", api.Used, api.Ours, api.Others, "unknown"})
			continue
		}
		quotas = append(quotas, []any{api.API, api.Limit, api.Used, api.Ours, api.Others, api.Remain})
	}
	if len(r.APIs) == 0 {
		quotas = [][]any{{"WeChat was not asked on this day."}}
	}
	section("Quota", quotas...)
	section("Followers",
		[]any{"following", r.Followers.Followers}, []any{"with unionid", r.Followers.WithUnionID},
		[]any{"gained", r.Followers.Gained}, []any{"lost", r.Followers.Lost}, []any{"net", r.Followers.Gained - r.Followers.Lost})

	for _, b := range r.bridges() {
		section("Bridge to "+string(b.MiniAppID),
			[]any{"mini users", b.MiniUsers}, []any{"mini user known", b.MiniUserKnown}, []any{"bridged", b.Joined},
			[]any{"without unionid", b.WithoutUnionID}, []any{"not in the mini program", b.NotInMiniProgram}, []any{"ambiguous", b.Ambiguous})
	}

	broadcasts := [][]any{{"ID", "NAME", "STATE", "RECIPIENTS", "SENT", "DELIVERED", "FAILED", "SKIPPED", "UNKNOWN", "PENDING"}}
	for _, b := range r.Broadcasts {
		broadcasts = append(broadcasts, []any{b.ID, b.Name, b.State, b.Recipients, b.Sent, b.Delivered, b.Failed, b.Skipped, b.Unknown, b.Pending})
	}
	if len(r.Broadcasts) == 0 {
		broadcasts = [][]any{{"none"}}
	}
	section("Broadcasts", broadcasts...)
	for _, b := range r.Broadcasts {
		for _, code := range slices.Sorted(maps.Keys(b.ByErrCode)) {
			fmt.Fprintf(w, "  %d: %s × %d\n", b.ID, code, b.ByErrCode[code])
		}
		if b.State == wxcast.BroadcastWaiting || b.State == wxcast.BroadcastPaused {
			fmt.Fprintf(w, "  %d is %s: %s", b.ID, b.State, b.Reason)
			if b.ResumeAt != nil {
				fmt.Fprintf(w, "; until %s", b.ResumeAt.In(wxcast.Beijing).Format("2006-01-02 15:04"))
			}
			fmt.Fprintln(w)
		}
	}
	if len(r.Events) > 0 {
		var rows [][]any
		for _, kind := range slices.Sorted(maps.Keys(r.Events)) {
			rows = append(rows, []any{kind, r.Events[kind]})
		}
		section("Callbacks", rows...)
	}
	if r.Plan != nil {
		var rows [][]any
		for _, b := range r.Plan.Broadcasts {
			at := "now"
			if b.At != nil {
				at = "from " + b.At.In(wxcast.Beijing).Format("2006-01-02 15:04")
			}
			rows = append(rows, []any{b.ID, b.Name, b.State, at, b.Pending})
		}
		if len(rows) == 0 {
			rows = [][]any{{"nothing"}}
		}
		section("To be sent on "+string(r.Plan.Day), rows...)
		if len(r.Plan.Broadcasts) > 0 {
			fmt.Fprintf(w, "  %s\n", r.Plan.verdict())
		}
	}
}

// verdict says whether the quota covers the plan.
func (p Plan) verdict() string {
	switch {
	case p.Covered == nil:
		return "How much the quota allows today is not known."
	case *p.Covered:
		return fmt.Sprintf("The quota allows %d and covers all %d.", *p.Remain, p.Needed)
	}
	return fmt.Sprintf("The quota allows %d of %d; the other %d wait for the next day.", *p.Remain, p.Needed, p.Needed-*p.Remain)
}
