// Package spec reads what a person asks for: a broadcast's YAML, its audience, the lists that
// it names and the texts that are filled in for each recipient. What is said to one channel is
// the channel's own: see Form.
package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Spec is what a person asks for: what to say, whom to, and how.
type Spec struct {
	Name    string
	Account string // as configured; "" for the only one
	// Parts are what is said to each channel, in the order in which they are tried; at least one.
	Parts    []Part
	Prefer   Prefer
	Audience AudienceSpec
	Rate     float64 // messages per second; 0 where the spec does not say
	Priority int     // higher ones go first; 0 where the spec does not say
	// QuotaKeep is how many messages a day to leave to others; -1 where the spec
	// does not say.
	QuotaKeep int64
	// OnBadValue says what becomes of recipients whose values do not fit.
	OnBadValue OnBadValue
	// OnUnknown says what becomes of a message whose outcome was lost for good.
	OnUnknown OnUnknown
	Canary    Canary
	NotAfter  time.Time        // no message leaves after it; zero for no such time
	Quiet     value.QuietHours // beside those of the configuration
	// IgnoreQuiet: a single message that its person waits for leaves at any hour.
	IgnoreQuiet bool
	Cap         wxcast.FrequencyCap
	// Track marks the pages that messages open, so that it is known who came by them.
	Track bool
	// Holdout is the share of the recipients that gets nothing, to be compared with; 0 for none.
	Holdout float64

	file  string
	text  string
	lines map[string]int // by key, such as "data.thing1"
	flat  string         // the channel whose keys may stand in the spec itself
}

// Form is how a spec speaks to one channel.
type Form interface {
	Channel() string // such as "template"
	// Read makes an empty content, and the fields that fill it in, by key.
	Read(p *Parser) (Content, map[string]Field)
}

// Content is what a spec says to one channel.
type Content interface {
	// Check complains of what can be judged without WeChat.
	Check(at Place)
	// Texts are those that may hold {{ }}, by their key in the channel's form.
	Texts() map[string]string
	// Identity writes what makes it what it is, each by a name that stays the same for
	// ever. What is not set is not written.
	Identity(write func(name, value string))
}

// OnBadValue says what becomes of a recipient whose values do not fit the template.
type OnBadValue string

// What to do with a value that WeChat would refuse.
const (
	StopAtBadValue   OnBadValue = "stop"     // send to nobody
	SkipBadValue     OnBadValue = "skip"     // leave that recipient out
	TruncateBadValue OnBadValue = "truncate" // cut it to its length; skip if that does not help
)

// OnBadValues are the three.
var OnBadValues = []OnBadValue{StopAtBadValue, SkipBadValue, TruncateBadValue}

// OnUnknown says what becomes of a message that WeChat may have, when its 10 minutes
// for repeating it are over.
type OnUnknown string

// What to do with it.
const (
	SkipUnknown   OnUnknown = "skip"   // leave it: nobody gets a message twice
	ResendUnknown OnUnknown = "resend" // send it again: nobody goes without
)

// OnUnknowns are the two.
var OnUnknowns = []OnUnknown{SkipUnknown, ResendUnknown}

// Canary is a share of the recipients that goes first, and what it is judged by.
type Canary struct {
	Share     float64       // 0 for no canary
	Wait      time.Duration // after the last of them was sent
	MaxFailed float64       // share of them that may fail
}

// holdoutMost is the largest share that may get nothing.
const holdoutMost = 0.5

// File is the spec's name, for errors.
func (s *Spec) File() string { return s.file }

// Text is the YAML as it was given.
func (s *Spec) Text() string { return s.text }

// Bad is a mistake at one of the spec's keys.
func (s *Spec) Bad(key string, problem, want wxcast.Sentence) *wxcast.BadInput {
	line := s.lines[key]
	for parent := key; line == 0 && strings.Contains(parent, "."); {
		parent = parent[:strings.LastIndexByte(parent, '.')]
		line = s.lines[parent]
	}
	return &wxcast.BadInput{File: s.file, Line: line, Key: key, Problem: problem, Want: want}
}

var specName = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]{0,99}$`)

// Parse reads a spec. file is its name for errors; all mistakes come at once, each a
// *wxcast.BadInput with the line. The keys of the first form may stand in the spec itself,
// those of all below channels.
func Parse(file string, raw []byte, forms ...Form) (*Spec, error) {
	return read(file, raw, false, forms)
}

func read(file string, raw []byte, message bool, forms []Form) (*Spec, error) {
	s := &Spec{
		QuotaKeep: -1, OnBadValue: StopAtBadValue, OnUnknown: SkipUnknown,
		Canary: Canary{Wait: 10 * time.Minute, MaxFailed: 0.02},
		Prefer: PreferOrder, file: file, text: string(raw), lines: map[string]int{}, flat: forms[0].Channel(),
	}
	if len(raw) > SizeMax {
		return nil, &wxcast.BadInput{File: file,
			Problem: wxcast.Say("spec.large", "n", len(raw)>>10, "most", SizeMax>>10),
			Want:    wxcast.Say("spec.want_list")}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, yamlError(file, err)
	}
	if len(doc.Content) == 0 {
		return nil, &wxcast.BadInput{File: file, Problem: wxcast.Say("spec.empty"), Want: wxcast.Say("spec.want_keys")}
	}
	p := &Parser{Spec: s, forms: forms, message: message}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, &wxcast.BadInput{File: file, Line: doc.Content[0].Line, Problem: wxcast.Say("spec.no_map"),
			Want: wxcast.Say("spec.want_name_line")}
	}
	p.Mapping("", doc.Content[0], p.fields())
	p.check()
	if len(p.bad) > 0 {
		return nil, errors.Join(p.bad...)
	}
	return s, nil
}

// fields are the keys of a spec.
func (p *Parser) fields() map[string]Field {
	s := p.Spec
	fields := p.flatPart()
	maps.Copy(fields, map[string]Field{
		"name":     p.String(&s.Name),
		"account":  p.String(&s.Account),
		"channels": p.channels,
		"prefer":   OneOf(p, &s.Prefer, "spec.prefer", Prefers...),
		"audience": p.audience,
		"rate":     p.number(value.RateMin, value.RateMax, "spec.rate", "rate: 50", func(f float64) { s.Rate = f }),
		"priority": p.whole(-value.PriorityMax, value.PriorityMax, "spec.a_priority", "priority: 10",
			func(i int64) { s.Priority = int(i) }),
		"quota": p.Section(map[string]Field{
			"keep": p.whole(0, math.MaxInt32, "spec.messages", "keep: 1000", func(i int64) { s.QuotaKeep = i }),
		}),
		"on_bad_value": OneOf(p, &s.OnBadValue, "spec.on_bad_value", OnBadValues...),
		"on_unknown":   OneOf(p, &s.OnUnknown, "spec.on_unknown", OnUnknowns...),
		"canary": p.Section(map[string]Field{
			"share": p.share(&s.Canary.Share), "wait": p.duration(0, 7*day, "wait: 10m", &s.Canary.Wait),
			"max_failed": p.share(&s.Canary.MaxFailed),
		}),
		"not_after":   p.time(&s.NotAfter),
		"quiet_hours": p.quiet, "ignore_quiet": p.yes(&s.IgnoreQuiet),
		"track": p.yes(&s.Track), "holdout": p.share(&s.Holdout),
		"frequency_cap": p.Section(map[string]Field{
			"day":  p.whole(1, 1000, "spec.messages", "day: 1", func(i int64) { s.Cap.Day = int(i) }),
			"week": p.whole(1, 1000, "spec.messages", "week: 3", func(i int64) { s.Cap.Week = int(i) }),
		}),
	})
	return fields
}

// OneOf reads one of some words; code is what is said of another one.
func OneOf[T ~string](p *Parser, dest *T, code string, known ...T) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		if !slices.Contains(known, T(v)) {
			p.Complain(key, wxcast.Say(code, "value", v), wxcast.Say("spec.write_one", "known", known))
			return
		}
		*dest = T(v)
	}
}

func (p *Parser) quiet(key string, n *yaml.Node) {
	v, ok := p.Scalar(key, n)
	if !ok {
		return
	}
	if p.Quiet, ok = value.ParseQuietHours(v); !ok {
		p.Complain(key, wxcast.Say("spec.no_hours", "value", v), example("22:00-08:00"))
	}
}

// check looks at what can be judged without WeChat.
func (p *Parser) check() {
	if p.Name == "" && p.message {
		p.Name = messageName
	}
	if p.Name == "" {
		p.Complain("name", wxcast.Say("spec.missing"), wxcast.Say("spec.want_name"))
	} else if !specName.MatchString(p.Name) {
		p.Complain("name", wxcast.Say("spec.no_name", "value", p.Name), wxcast.Say("spec.want_name_form"))
	}
	p.checkFlat()
	for _, part := range p.Parts {
		part.Content.Check(Place{p, part})
	}
	if p.message {
		p.checkMessage()
	} else if p.Given("ignore_quiet") {
		p.Complain("ignore_quiet", wxcast.Say("spec.of_messages"), wxcast.Say("spec.remove_it"))
	}
	if _, given := p.lines["canary"]; given && p.Canary.Share == 0 {
		p.Complain("canary", wxcast.Say("spec.no_share"), example("canary: {share: 1%}"))
	}
	if p.Holdout > holdoutMost {
		p.Complain("holdout", wxcast.Say("spec.large_holdout"), example("holdout: 5%"))
	}
	p.bad = append(p.bad, p.checkTexts(nil, p.message)...)
	slices.SortStableFunc(p.bad, func(a, b error) int { return a.(*wxcast.BadInput).Line - b.(*wxcast.BadInput).Line })
}

// checkTexts tries every text that holds {{ }}. columns are those of the recipients'
// list; without them, what a list may bring is not judged, nor what a single message may.
func (s *Spec) checkTexts(columns []string, anyVariable bool) (bad []error) {
	known := Variables
	for _, column := range columns {
		known = append(known[:len(known):len(known)], "."+column)
	}
	for _, part := range s.Parts {
		texts := part.Content.Texts()
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			var err error
			if anyVariable || s.Audience.In != nil && columns == nil {
				_, err = Compile(texts[key])
			} else {
				err = checkSyntax(texts[key], columns)
			}
			if err != nil {
				bad = append(bad, part.Bad(s, key, errorSays(err), wxcast.Say("spec.want_variables", "known", known)))
			}
		}
	}
	return bad
}

// identityVersion begins a content hash: what it is over is fixed with it, and another form
// of it gets another version.
const identityVersion = "v1"

// ContentHash is over what is sent and to whom, not over how: a spec with another rate is
// still the same broadcast. It is over names and values that are written one by one, in an
// order of their own, where they are set: neither a new field in this program nor another
// way to write the same spec changes it.
func (s *Spec) ContentHash() string {
	values := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			values[name] = value
		}
	}
	s.partsIdentity(set)
	s.Audience.identity(set)
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		writeField(sum, name)
		writeField(sum, values[name])
	}
	return identityVersion + ":" + hex.EncodeToString(sum.Sum(nil)[:16])
}

// writeField writes a text so that no two lists of texts are written alike.
func writeField(to hash.Hash, text string) { fmt.Fprintf(to, "%d:%s,", len(text), text) }

// identity writes what an audience asks for; the lists of values in an order of their own.
func (a AudienceSpec) identity(set func(name, value string)) {
	ints := func(ids []int) string {
		texts := make([]string, len(ids))
		for i, id := range slices.Sorted(slices.Values(ids)) {
			texts[i] = strconv.Itoa(id)
		}
		return strings.Join(texts, ",")
	}
	texts := func(all []string) string { return strings.Join(slices.Sorted(slices.Values(all)), "\x00") }
	instant := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	if a.Bridged != BridgedOnly {
		set("audience.bridged", a.Bridged)
	}
	set("audience.tags.any", ints(a.TagsAny))
	set("audience.tags.all", ints(a.TagsAll))
	set("audience.tags.none", ints(a.TagsNone))
	set("audience.scenes", texts(a.Scenes))
	set("audience.followed_after", instant(a.FollowedAfter))
	set("audience.followed_before", instant(a.FollowedBefore))
	if a.In != nil {
		set("audience.in", a.In.identity())
	}
	var without []string
	for _, l := range a.NotIn {
		without = append(without, l.identity())
	}
	set("audience.not_in", texts(without))
	if a.NotMessaged > 0 {
		set("audience.not_messaged", a.NotMessaged.String())
	}
	if a.Sample > 0 && a.Sample < 1 {
		set("audience.sample", strconv.FormatFloat(a.Sample, 'g', -1, 64))
	}
	if a.Limit > 0 {
		set("audience.limit", strconv.FormatInt(a.Limit, 10))
	}
	set("audience.exclude_broadcasts", texts(a.ExcludeBroadcasts))
}

// Has tells whether the spec says something at a key.
func (s *Spec) Has(key string) bool { return s.lines[key] > 0 }

// GoodName tells whether a broadcast or a preset may be called so.
func GoodName(name string) bool { return specName.MatchString(name) }
