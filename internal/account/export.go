package account

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// exportPage is how many rows are in memory at a time.
const exportPage = 5000

// Formats are how rows are written. Texts that a spreadsheet would take for formulas are made
// texts in CSV; FormatExcel is CSV that begins with a byte order mark, by which Excel knows
// UTF-8.
var Formats = []string{"csv", "jsonl", FormatExcel}

// FormatExcel is CSV for Excel.
const FormatExcel = "excel"

// rows are what an export writes, page by page in the order of a key.
type rows[T any, K any] struct {
	page   func(after K) ([]T, error)
	id     func(T) K
	header []string
	fields func(T) []string // as in CSV, in the header's order
	object func(T) any      // as in JSON
}

// write writes all rows, and returns how many they were.
func (r rows[T, K]) write(out io.Writer, format string) (n int64, err error) {
	buffered := bufio.NewWriter(out)
	asCSV, asJSON := csv.NewWriter(buffered), json.NewEncoder(buffered)
	asJSON.SetEscapeHTML(false)
	write := func(row T) error { return asCSV.Write(r.fields(row)) }
	if format == "jsonl" {
		write = func(row T) error { return asJSON.Encode(r.object(row)) }
	} else {
		if format == FormatExcel {
			_, _ = buffered.WriteString("\uFEFF") // an error stays until the end
		}
		if err := asCSV.Write(r.header); err != nil {
			return 0, err
		}
	}
	var after K
	for {
		page, err := r.page(after)
		if err != nil {
			return n, err
		}
		for _, row := range page {
			if err := write(row); err != nil {
				return n, err
			}
		}
		n += int64(len(page))
		if len(page) < exportPage {
			asCSV.Flush()
			if err := asCSV.Error(); err != nil {
				return n, err
			}
			return n, buffered.Flush()
		}
		after = r.id(page[len(page)-1])
	}
}

// timeText is a time in UTC as CSV has it; "" for the zero time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ExportDeliveries writes every delivery of a broadcast with its outcome, in openid order,
// and returns how many there are. Audited.
func (a *Account) ExportDeliveries(ctx context.Context, id int64, format string, w io.Writer) (int64, error) {
	return audited(ctx, a, "export-deliveries", fmt.Sprintf("broadcast %d", id), func(*entry) (int64, error) {
		b, err := a.broadcast(ctx, id)
		if err == nil {
			err = stillThere(b)
		}
		if err != nil {
			return 0, err
		}
		return rows[wxcast.PersonDelivery, wxcast.DeliveryKey]{
			page: func(after wxcast.DeliveryKey) ([]wxcast.PersonDelivery, error) {
				return a.db.Deliveries(ctx, b, after, exportPage)
			},
			id: wxcast.PersonDelivery.Key,
			header: []string{"broadcast_id", "broadcast", "openid", "state", "attempts", "errcode", "errmsg", "msgid",
				"attempted_at", "next_attempt_at", "channel", "fell_through", "mini_openid",
				"message_id", "receipt", "came_at", "goals"},
			fields: func(d wxcast.PersonDelivery) []string {
				j, message := NewDelivery(d), ""
				if d.Message != 0 {
					message = strconv.FormatInt(d.Message, 10)
				}
				return []string{
					fmt.Sprint(j.BroadcastID), foreign.Cell(j.Broadcast), j.OpenID, j.State, fmt.Sprint(j.Attempts),
					fmt.Sprint(j.ErrCode), foreign.Cell(j.ErrMsg), j.MsgID,
					timeText(d.AttemptedAt), timeText(d.NextAttemptAt), j.Channel, j.FellThrough, j.MiniOpenID,
					message, d.Receipt, timeText(d.CameAt), fmt.Sprint(d.Goals),
				}
			},
			object: func(d wxcast.PersonDelivery) any { return NewDelivery(d) },
		}.write(w, format)
	})
}

// FollowerFilter says which followers; the zero value is all who follow now.
type FollowerFilter struct {
	MiniAppID           string
	Bridged, NotBridged bool
	Unfollowed          bool
	Tags                []int // one of them
	AllTags             []int
	WithoutTags         []int
	Scenes              []string
	From, Until         string // Beijing dates of following; "" for any
}

func (a *Account) audience(ctx context.Context, f FollowerFilter) (out wxcast.Audience, err error) {
	if f.Bridged && f.NotBridged {
		return out, &wxcast.BadInput{Key: "bridged", Problem: wxcast.Say("followers.bridged_and_not")}
	}
	out = wxcast.Audience{TagsAny: f.Tags, TagsAll: f.AllTags, TagsNone: f.WithoutTags, Scenes: f.Scenes,
		Unfollowed: f.Unfollowed}
	if f.Bridged || f.NotBridged {
		out.Bridged = &f.Bridged
	}
	err = errors.Join(parseDate("followed_from", f.From, &out.FollowedFrom),
		parseDate("followed_until", f.Until, &out.FollowedUntil))
	// Only what asks about a mini program needs one.
	if err == nil && (len(a.Config.MiniPrograms) > 0 || out.Bridged != nil || f.MiniAppID != "") {
		_, out.MiniID, err = a.MiniProgram(ctx, f.MiniAppID)
	}
	return out, err
}

// parseDate reads the beginning of a Beijing date; "" leaves it alone.
func parseDate(key, text string, to *time.Time) error {
	if text == "" {
		return nil
	}
	day, err := wxcast.ParseDay(text)
	if err != nil {
		return &wxcast.BadInput{Key: key, Problem: wxcast.Say("input.date", "value", text),
			Want: wxcast.Say("input.want_date")}
	}
	*to = day.Begin()
	return nil
}

// ExportFollowers writes the followers that a filter leaves, in openid order, and returns
// how many there are. Audited.
func (a *Account) ExportFollowers(ctx context.Context, f FollowerFilter, format string, w io.Writer) (int64, error) {
	return audited(ctx, a, "export-followers", "", func(*entry) (int64, error) {
		audience, err := a.audience(ctx, f)
		if err != nil {
			return 0, err
		}
		return rows[wxcast.FollowerRecord, wxcast.OpenID]{
			page: func(after wxcast.OpenID) ([]wxcast.FollowerRecord, error) {
				return a.db.Followers(ctx, a.ID, audience, after, exportPage)
			},
			id: func(f wxcast.FollowerRecord) wxcast.OpenID { return f.OpenID },
			header: []string{"openid", "unionid", "mini_openid", "subscribed", "subscribe_time", "subscribe_scene",
				"tags", "remark",
				"first_seen_at", "details_at", "unfollowed_at", "refollowed_at"},
			fields: func(f wxcast.FollowerRecord) []string {
				return []string{
					string(f.OpenID), string(f.UnionID), string(f.MiniOpenID), strconv.FormatBool(f.Subscribed),
					timeText(f.SubscribeTime), foreign.Cell(f.Scene),
					strings.Trim(fmt.Sprint(f.Tags), "[]"), foreign.Cell(f.Remark),
					timeText(f.FirstSeenAt), timeText(f.DetailsAt), timeText(f.UnfollowedAt), timeText(f.RefollowedAt),
				}
			},
			object: func(f wxcast.FollowerRecord) any { return NewFollower(f) },
		}.write(w, format)
	})
}

// ExportOptOuts writes the opt-out list, and returns how many stand on it. Audited.
func (a *Account) ExportOptOuts(ctx context.Context, format string, w io.Writer) (int64, error) {
	return audited(ctx, a, "export-optouts", "", func(*entry) (int64, error) {
		return rows[wxcast.OptOut, string]{
			page:   func(after string) ([]wxcast.OptOut, error) { return a.db.OptOuts(ctx, a.ID, after, exportPage) },
			id:     func(o wxcast.OptOut) string { return o.ID },
			header: []string{"openid", "since", "source"},
			fields: func(o wxcast.OptOut) []string {
				return []string{o.ID, o.Since.Format(time.RFC3339), foreign.Cell(o.Source)}
			},
			object: func(o wxcast.OptOut) any { return o },
		}.write(w, format)
	})
}
