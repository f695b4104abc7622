package report

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
)

// WriteCSV renders a report as rows of day, section, item, measure and value:
// one fact a row, so that days can be put below each other.
func WriteCSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"day", "section", "item", "measure", "value"})
	fact := func(section, item, measure string, value int64) {
		_ = out.Write([]string{string(r.Day), section, item, measure, strconv.FormatInt(value, 10)})
	}
	for _, api := range r.APIs {
		fact("quota", api.API, "limit", api.Limit)
		fact("quota", api.API, "used", api.Used)
		fact("quota", api.API, "ours", api.Ours)
		fact("quota", api.API, "others", api.Others)
		fact("quota", api.API, "remain", api.Remain)
	}
	fact("followers", r.Account, "followers", r.Followers.Followers)
	fact("followers", r.Account, "with_unionid", r.Followers.WithUnionID)
	fact("followers", r.Account, "gained", r.Followers.Gained)
	fact("followers", r.Account, "lost", r.Followers.Lost)
	for _, b := range r.bridges() {
		fact("bridge", string(b.MiniAppID), "mini_users", b.MiniUsers)
		fact("bridge", string(b.MiniAppID), "joined", b.Joined)
	}
	for _, b := range r.Broadcasts {
		fact("broadcast", b.Name, "recipients", b.Recipients)
		fact("broadcast", b.Name, "sent", b.Sent)
		fact("broadcast", b.Name, "delivered", b.Delivered)
		fact("broadcast", b.Name, "undelivered", b.Undelivered)
		fact("broadcast", b.Name, "failed", b.Failed)
		fact("broadcast", b.Name, "skipped", b.Skipped)
		fact("broadcast", b.Name, "unknown", b.Unknown)
		fact("broadcast", b.Name, "pending", b.Pending)
		for _, code := range slices.Sorted(maps.Keys(b.ByErrCode)) {
			fact("broadcast", b.Name, "errcode "+code, b.ByErrCode[code])
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Events)) {
		fact("callback", kind, "events", r.Events[kind])
	}
	if r.Plan != nil {
		for _, b := range r.Plan.Broadcasts {
			fact("plan of "+string(r.Plan.Day), b.Name, "pending", b.Pending)
		}
	}
	out.Flush()
	return out.Error()
}
