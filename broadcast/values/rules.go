// Package values is about the values of WeChat's templates, by key (thing1, time2): their rules,
// and how a spec's are checked and filled in. The channels whose messages are templates share it.
package values

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Rules are what WeChat holds values against: those of the official account's templates differ
// from those of subscribe messages. Source: the table of value limits in docs/wechat.md.
type Rules struct {
	lengths map[string]int // characters at most, by type
	amount  *regexp.Regexp
	digits  int // of an amount
	forms   map[string]form
}

// form is what a type's values are made of, beside their length.
type form struct {
	fits    func(value string) bool
	problem string // what is said of a value that is not
	want    wxcast.Sentence
}

// The rules.
var (
	OfTemplates = Rules{
		lengths: map[string]int{"thing": 20, "const": 20, "character_string": 32, "phone_number": 17,
			"car_number": 8, "phrase": 5},
		digits: 12, amount: regexp.MustCompile(`^[^\d.]?\d{1,12}(\.\d+)?元?$`), forms: forms,
	}
	OfSubscribe = Rules{
		lengths: map[string]int{"thing": 20, "character_string": 32, "phone_number": 17, "car_number": 8, "phrase": 5,
			"number": 32, "letter": 32, "symbol": 5, "name": nameMax},
		digits: 10, amount: regexp.MustCompile(`^[^\d.]?\d{1,10}(\.\d+)?元?$`), forms: subscribeForms,
	}
)

// A name has so many characters at most, and fewer with Chinese ones.
const (
	nameMax        = 20
	nameMaxChinese = 10
)

var (
	aTime = form{hasDigit, "template.no_time", wxcast.Say("input.example", "example", "2026-11-30 10:00")}
	ascii = form{isASCII, "template.not_ascii", wxcast.Say("template.no_chinese")}
	forms = map[string]form{"character_string": ascii, "time": aTime, "date": aTime}

	number         = regexp.MustCompile(`^\d+(\.\d+)?$`)
	letters        = regexp.MustCompile(`^[A-Za-z]+$`)
	subscribeForms = map[string]form{
		"character_string": ascii, "time": aTime, "date": aTime,
		"number": {number.MatchString, "subscribe.no_number", wxcast.Say("subscribe.want_number")},
		"letter": {letters.MatchString, "subscribe.no_letters", wxcast.Say("subscribe.want_letters")},
	}
)

func isASCII(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r > unicode.MaxASCII })
}

func hasDigit(value string) bool { return strings.ContainsFunc(value, unicode.IsDigit) }

// keyForm splits a key into WeChat's type and a number: thing1 is a thing.
var keyForm = regexp.MustCompile(`^([a-z_]+)\d+$`)

// typeOf is the type of a key; "" for those of historic templates (keyword1, first), which have
// no rule: WeChat cuts their values.
func typeOf(key string) string {
	m := keyForm.FindStringSubmatch(key)
	if m == nil || m[1] == "keyword" {
		return ""
	}
	return m[1]
}

// Check says what is wrong with a value for its key's type, and what would be right; "" when
// nothing is. allowed are the only values that the key may have; nil where that is not known.
func (r Rules) Check(key, value string, allowed []string) (problem, want wxcast.Sentence) {
	kind := typeOf(key)
	if kind == "" {
		return problem, want
	}
	if value == "" && kind != "const" {
		return wxcast.Say("spec.empty"), wxcast.Say("template.no_empty")
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return wxcast.Say("template.control", "value", value), wxcast.Say("template.one_line")
	}
	most := r.lengthMax(key, value)
	if length := utf8.RuneCountInString(value); most > 0 && length > most {
		return wxcast.Say("template.too_long", "value", value, "n", length),
			wxcast.Say("template.at_most", "type", kind, "most", most)
	}
	if kind == "amount" && !r.amount.MatchString(value) {
		return wxcast.Say("template.no_amount", "value", value), wxcast.Say("template.want_amount", "digits", r.digits)
	}
	if f, ok := r.forms[kind]; ok && !f.fits(value) {
		return wxcast.Say(f.problem, "value", value), f.want
	}
	if len(allowed) > 0 && !slices.Contains(allowed, value) {
		return wxcast.Say("subscribe.not_listed", "value", value), wxcast.Say("spec.write_one", "known", allowed)
	}
	return problem, want
}

// LengthMax is how many characters a key's values have at most; 0 where length is not the rule.
func (r Rules) LengthMax(key string) int { return r.lengths[typeOf(key)] }

// lengthMax is how many characters a key takes; 0 where length is not the rule.
func (r Rules) lengthMax(key, value string) int {
	most := r.lengths[typeOf(key)]
	if most == nameMax && typeOf(key) == "name" && strings.ContainsFunc(value, isHan) {
		return nameMaxChinese
	}
	return most
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }
