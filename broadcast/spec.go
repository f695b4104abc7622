package broadcast

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Spec is what a person asks for: one message text, whom to send it to, and how.
type Spec struct {
	Name       string
	Account    string // as configured; "" for the only one
	TemplateID string
	URL        string // opened where a mini program cannot be
	MiniAppID  string // "" for the account's only mini program
	PagePath   string // may hold {{ }}; "" opens the mini program's home page
	// Data are the template's values by key; they may hold {{ }}.
	Data     map[string]string
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
	NotAfter  time.Time  // no message leaves after it; zero for no such time
	Quiet     QuietHours // beside those of the configuration
	Cap       wxcast.FrequencyCap

	file  string
	text  string
	lines map[string]int // by key, such as "data.thing1"
}

// OnBadValue says what becomes of a recipient whose values do not fit the template.
type OnBadValue string

// What to do with a value that WeChat would refuse.
const (
	StopAtBadValue   OnBadValue = "stop"     // send to nobody
	SkipBadValue     OnBadValue = "skip"     // leave that recipient out
	TruncateBadValue OnBadValue = "truncate" // cut it to its length; skip if that does not help
)

// ParseOnBadValue reads one of the three.
func ParseOnBadValue(text string) (OnBadValue, bool) {
	v := OnBadValue(text)
	return v, v == StopAtBadValue || v == SkipBadValue || v == TruncateBadValue
}

// OnUnknown says what becomes of a message that WeChat may have, when its 10 minutes
// for repeating it are over.
type OnUnknown string

// What to do with it.
const (
	SkipUnknown   OnUnknown = "skip"   // leave it: nobody gets a message twice
	ResendUnknown OnUnknown = "resend" // send it again: nobody goes without
)

// ParseOnUnknown reads one of the two.
func ParseOnUnknown(text string) (OnUnknown, bool) {
	v := OnUnknown(text)
	return v, v == SkipUnknown || v == ResendUnknown
}

// Canary is a share of the recipients that goes first, and what it is judged by.
type Canary struct {
	Share     float64       // 0 for no canary
	Wait      time.Duration // after the last of them was sent
	MaxFailed float64       // share of them that may fail
}

// Text is the YAML as it was given.
func (s *Spec) Text() string { return s.text }

// ContentHash is over what is sent and to whom, not over how: a spec with
// another rate is still the same broadcast.
func (s *Spec) ContentHash() string {
	content, err := json.Marshal([]any{s.TemplateID, s.URL, s.MiniAppID, s.PagePath, s.Data, s.Audience})
	if err != nil {
		panic(err) // texts and numbers marshal
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// Bad is a mistake at one of the spec's keys.
func (s *Spec) Bad(key, problem, want string) *wxcast.BadInput {
	line := s.lines[key]
	for parent := key; line == 0 && strings.Contains(parent, "."); {
		parent = parent[:strings.LastIndexByte(parent, '.')]
		line = s.lines[parent]
	}
	return &wxcast.BadInput{File: s.file, Line: line, Key: key, Problem: wxcast.Plain(problem), Want: wxcast.Plain(want)}
}

var (
	specName = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]{0,99}$`)
	dataKey  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// ParseSpec reads a spec. file is its name for errors; all mistakes come at once,
// each a *wxcast.BadInput with the line.
func ParseSpec(file string, raw []byte) (*Spec, error) {
	s := &Spec{QuotaKeep: -1, OnBadValue: StopAtBadValue, OnUnknown: SkipUnknown, Canary: Canary{Wait: 10 * time.Minute, MaxFailed: 0.02}, Data: map[string]string{}, file: file, text: string(raw), lines: map[string]int{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, yamlError(file, err)
	}
	if len(doc.Content) == 0 {
		return nil, &wxcast.BadInput{File: file, Problem: wxcast.Plain("is empty"), Want: wxcast.Plain("it needs at least name, template and data")}
	}
	p := &specParser{Spec: s}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, &wxcast.BadInput{File: file, Line: doc.Content[0].Line, Problem: wxcast.Plain("is not a map of keys and values"), Want: wxcast.Plain("write for example name: spring-sale")}
	}
	p.mapping("", doc.Content[0], map[string]func(string, *yaml.Node){
		"name":     p.text(&s.Name),
		"account":  p.text(&s.Account),
		"template": p.text(&s.TemplateID),
		"url":      p.text(&s.URL),
		"data":     p.data,
		"miniprogram": p.section(map[string]func(string, *yaml.Node){
			"appid": p.text(&s.MiniAppID), "pagepath": p.text(&s.PagePath),
		}),
		"audience": p.audience,
		"rate":     p.number(0.01, 100_000, "number of messages per second", "rate: 50", func(f float64) { s.Rate = f }),
		"priority": p.whole(-100, 100, "a priority", "priority: 10", func(i int64) { s.Priority = int(i) }),
		"quota": p.section(map[string]func(string, *yaml.Node){
			"keep": p.whole(0, math.MaxInt32, "messages", "keep: 1000", func(i int64) { s.QuotaKeep = i }),
		}),
		"on_bad_value": func(key string, n *yaml.Node) {
			if v, ok := p.scalar(key, n); ok {
				if s.OnBadValue, ok = ParseOnBadValue(v); !ok {
					p.complain(key, fmt.Sprintf("%q is no way to treat a value", v), "write stop, skip or truncate")
				}
			}
		},
		"on_unknown": func(key string, n *yaml.Node) {
			if v, ok := p.scalar(key, n); ok {
				if s.OnUnknown, ok = ParseOnUnknown(v); !ok {
					p.complain(key, fmt.Sprintf("%q is no way to treat a lost outcome", v), "write skip or resend")
				}
			}
		},
		"canary": p.section(map[string]func(string, *yaml.Node){
			"share": p.share(&s.Canary.Share), "wait": p.duration(0, 7*day, "wait: 10m", &s.Canary.Wait), "max_failed": p.share(&s.Canary.MaxFailed),
		}),
		"not_after":   p.time(&s.NotAfter),
		"quiet_hours": p.quiet,
		"frequency_cap": p.section(map[string]func(string, *yaml.Node){
			"day":  p.whole(1, 1000, "messages", "day: 1", func(i int64) { s.Cap.Day = int(i) }),
			"week": p.whole(1, 1000, "messages", "week: 3", func(i int64) { s.Cap.Week = int(i) }),
		}),
	})
	p.check()
	if len(p.bad) > 0 {
		return nil, errors.Join(p.bad...)
	}
	return s, nil
}

// section is a map with these keys.
func (p *specParser) section(fields map[string]func(string, *yaml.Node)) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) { p.mapping(key, n, fields) }
}

func (p *specParser) quiet(key string, n *yaml.Node) {
	if v, ok := p.scalar(key, n); ok {
		var err error
		if p.Quiet, err = ParseQuietHours(v); err != nil {
			p.complain(key, err.Error(), "write for example 22:00-08:00")
		}
	}
}

// check looks at what can be judged without WeChat.
func (p *specParser) check() {
	if p.Name == "" {
		p.complain("name", "is missing", "give the broadcast a name, such as name: spring-sale")
	} else if !specName.MatchString(p.Name) {
		p.complain("name", fmt.Sprintf("%q is no name", p.Name), "use letters, digits, -, _ and . without spaces, at most 100")
	}
	if p.TemplateID == "" {
		p.complain("template", "is missing", "copy the template id from the console: 模板消息 → 我的模板")
	}
	if _, given := p.lines["data"]; !given {
		p.complain("data", "is missing", `write the template's values, such as data: {thing1: "上新提醒"}`)
	}
	if strings.HasPrefix(p.PagePath, "/") {
		p.complain("miniprogram.pagepath", fmt.Sprintf("%q begins with a slash", p.PagePath), "write "+strings.TrimLeft(p.PagePath, "/"))
	}
	if p.URL != "" && !strings.HasPrefix(p.URL, "http://") && !strings.HasPrefix(p.URL, "https://") {
		p.complain("url", fmt.Sprintf("%q is no web address", p.URL), "it begins with https://")
	}
	if _, given := p.lines["canary"]; given && p.Canary.Share == 0 {
		p.complain("canary", "has no share", "write for example canary: {share: 1%}")
	}
	p.bad = append(p.bad, p.checkTexts(nil)...)
	slices.SortStableFunc(p.bad, func(a, b error) int { return a.(*wxcast.BadInput).Line - b.(*wxcast.BadInput).Line })
}

// checkTexts tries every text that holds {{ }}. columns are those of the recipients'
// list; without them, what a list may bring is not judged.
func (s *Spec) checkTexts(columns []string) (bad []error) {
	known := Variables
	for _, column := range columns {
		known = append(known[:len(known):len(known)], "."+column)
	}
	check := func(key, text string) {
		err := checkSyntax(text, columns)
		if s.Audience.In != nil && columns == nil {
			_, err = compile(text)
		}
		if err != nil {
			bad = append(bad, s.Bad(key, err.Error(), "variables are "+strings.Join(known, ", ")+", written {{ .openid }}"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Data)) {
		check("data."+name, s.Data[name])
	}
	check("miniprogram.pagepath", s.PagePath)
	return bad
}
