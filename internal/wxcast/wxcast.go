// Package wxcast holds the words that every part of the program shares, as
// types. It imports the standard library only; the meaning of each word is in
// the README's glossary.
package wxcast

import (
	"strings"
	"time"
	"unicode"
)

// OpenID names a follower inside one official account, such as
// "oCJUsw9O7spQia91XWy7NQSCS-QE". It means nothing in any other app.
type OpenID string

// idMax is longer than any id of WeChat's, which have 28 or 29 characters.
const idMax = 128

// ValidID tells whether a text can be an openid or a unionid: letters, digits, - and _.
func ValidID(id string) bool {
	for _, r := range id {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_') {
			return false
		}
	}
	return id != "" && len(id) <= idMax
}

// TrimID is an id without the blanks and quotes that spreadsheets and exports leave around it.
func TrimID(id string) string {
	return strings.TrimFunc(id, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("'\"`\uFEFF‘’“”", r) })
}

// MiniOpenID names a user inside one mini program. It is a type of its own so
// that the two openids cannot be swapped without the compiler noticing.
type MiniOpenID string

// Recipient is the id of a person in a broadcast: a follower's openid, or a mini user's.
type Recipient string

// UnionID names a person across all apps of one Open Platform account.
type UnionID string

// AppID is WeChat's public id of an official account or a mini program.
type AppID string

// AppKind tells an official account from a mini program.
type AppKind string

// The kinds of app.
const (
	KindOfficialAccount AppKind = "official_account"
	KindMiniProgram     AppKind = "mini_program"
)

// Beijing is WeChat's own clock: its "days" end at midnight there. China has
// had no daylight saving since 1991, so a fixed offset needs no zone data.
var Beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// Day is a Beijing calendar date, written YYYY-MM-DD.
type Day string

// DayOf is the Beijing date at t.
func DayOf(t time.Time) Day { return Day(t.In(Beijing).Format(time.DateOnly)) }

// Begin is the first instant of the day. A Day that is not a date begins at
// the zero time; ParseDay refuses those.
func (d Day) Begin() time.Time {
	t, _ := time.ParseInLocation(time.DateOnly, string(d), Beijing)
	return t
}

// Next is the following day.
func (d Day) Next() Day { return DayOf(d.Begin().Add(24 * time.Hour)) }

// ParseDay accepts a date as YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, Beijing)
	if err != nil {
		return "", err
	}
	return DayOf(t), nil
}
