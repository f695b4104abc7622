package text

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// How times are written: in Beijing, which is WeChat's clock.
const (
	minuteForm = "2006-01-02 15:04"
	secondForm = time.DateTime
)

// write writes a value. The forms are
//
//	{n:count}    a number with its thousands apart: 1,234,567
//	{p:percent}  a share from 0 to 1 in percent: 12.5%
//	{at:minute}  a time in Beijing, 2026-11-30 10:00; "never" for none
//	{at:second}  the same with seconds
//	{d:seconds}  a length of time in seconds with one digit: 1.5
//	{s:quote}    a text in quotes, shortened to what fits on a line
//	{all:or}     a list: a, b or c
//
// Without one, numbers are written plain, a list with commas, a Sentence as it is said, and
// an error as Error says it.
func (l Lang) write(value any, form string) string {
	switch form {
	case "count":
		if n, ok := whole(value); ok {
			return Count(n)
		}
	case "percent":
		if f, ok := number(value); ok {
			return strconv.FormatFloat(f*100, 'g', 3, 64) + "%"
		}
	case "minute", "second":
		if t, ok := instant(value); ok {
			return l.time(t, form)
		}
	case "seconds":
		if d, ok := value.(time.Duration); ok {
			return strconv.FormatFloat(d.Seconds(), 'f', 1, 64)
		}
		if f, ok := number(value); ok {
			return strconv.FormatFloat(f, 'f', 1, 64)
		}
	case "quote":
		return quoted(l.plain(value))
	case "or":
		return l.list(value, true)
	}
	return l.plain(value)
}

func (l Lang) time(t time.Time, form string) string {
	switch {
	case t.IsZero():
		return l.T("time.never")
	case form == "second":
		return t.In(wxcast.Beijing).Format(secondForm)
	}
	return t.In(wxcast.Beijing).Format(minuteForm)
}

// plain writes a value that asks for no form.
func (l Lang) plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case wxcast.Sentence:
		return l.Say(v)
	case wxcast.Localized:
		return v.In(string(l))
	case error:
		return l.Error(v, NoDoor, nil)
	case string:
		return v
	case time.Time:
		return l.time(v, "minute")
	case time.Duration, fmt.Stringer:
		return fmt.Sprint(v)
	}
	switch kind := reflect.ValueOf(value).Kind(); kind {
	case reflect.Slice, reflect.Array:
		return l.list(value, false)
	}
	return fmt.Sprint(value)
}

// list writes a list: with commas, or with "or" before its last.
func (l Lang) list(value any, or bool) string {
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return l.plain(value)
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = l.plain(v.Index(i).Interface())
	}
	comma, last := ", ", " or "
	if l == Chinese {
		comma, last = "、", "或"
	}
	if n := len(parts); or && n > 1 {
		return strings.Join(parts[:n-1], comma) + last + parts[n-1]
	}
	return strings.Join(parts, comma)
}

// quotedMax is how much of a strange text an error shows.
const quotedMax = 80

func quoted(s string) string {
	if runes := []rune(s); len(runes) > quotedMax {
		s = string(runes[:quotedMax]) + "…"
	}
	return strconv.Quote(s)
}

func whole(value any) (int64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case v.IsValid() && v.CanInt():
		return v.Int(), true
	case v.IsValid() && v.CanUint():
		return int64(v.Uint()), true
	}
	if n, ok := value.(json.Number); ok {
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}

func number(value any) (float64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case v.IsValid() && v.CanFloat():
		return v.Float(), true
	case v.IsValid() && v.CanInt():
		return float64(v.Int()), true
	}
	if n, ok := value.(json.Number); ok {
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

func instant(value any) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return v, true
	case string: // of a Sentence that was stored
		t, err := time.Parse(time.RFC3339Nano, v)
		return t, err == nil
	}
	return time.Time{}, false
}

// Count writes a number with its thousands apart: 1,234,567.
func Count[N ~int | ~int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Share writes part of whole in percent; "–" of nothing.
func Share(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// Minute writes a time as tables have it, in Beijing.
func (l Lang) Minute(t time.Time) string { return l.time(t, "minute") }

// Or is what a text is, or a dash where there is none.
func Or(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
