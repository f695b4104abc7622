package broadcast

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Spec is what a person asks for: one message text for an account's bridged
// followers.
type Spec struct {
	Name       string
	Account    string // as configured; "" for the only one
	TemplateID string
	URL        string // opened where a mini program cannot be
	MiniAppID  string // "" for the account's only mini program
	PagePath   string // may hold {{ }}; "" opens the mini program's home page
	// Data are the template's values by key; they may hold {{ }}.
	Data map[string]string
	Rate float64 // messages per second; 0 where the spec does not say
	// QuotaKeep is how many messages a day to leave to others; -1 where the spec
	// does not say.
	QuotaKeep int64
	// OnBadValue says what becomes of recipients whose values do not fit.
	OnBadValue OnBadValue

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

// Text is the YAML as it was given.
func (s *Spec) Text() string { return s.text }

// ContentHash is over what is sent and to whom, not over how: a spec with
// another rate is still the same broadcast.
func (s *Spec) ContentHash() string {
	content, err := json.Marshal([]any{s.TemplateID, s.URL, s.MiniAppID, s.PagePath, s.Data})
	if err != nil {
		panic(err) // strings marshal
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
	return &wxcast.BadInput{File: s.file, Line: line, Key: key, Problem: problem, Want: want}
}

var (
	specName = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]{0,99}$`)
	dataKey  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// ParseSpec reads a spec. file is its name for errors; all mistakes come at once,
// each a *wxcast.BadInput with the line.
func ParseSpec(file string, raw []byte) (*Spec, error) {
	s := &Spec{QuotaKeep: -1, OnBadValue: StopAtBadValue, Data: map[string]string{}, file: file, text: string(raw), lines: map[string]int{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, yamlError(file, err)
	}
	if len(doc.Content) == 0 {
		return nil, &wxcast.BadInput{File: file, Problem: "is empty", Want: "it needs at least name, template and data"}
	}
	p := &specParser{Spec: s}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, &wxcast.BadInput{File: file, Line: doc.Content[0].Line, Problem: "is not a map of keys and values", Want: "write for example name: spring-sale"}
	}
	p.mapping("", doc.Content[0], map[string]func(string, *yaml.Node){
		"name":     p.text(&s.Name),
		"account":  p.text(&s.Account),
		"template": p.text(&s.TemplateID),
		"url":      p.text(&s.URL),
		"rate":     p.rate,
		"data":     p.data,
		"miniprogram": func(key string, n *yaml.Node) {
			p.mapping(key, n, map[string]func(string, *yaml.Node){"appid": p.text(&s.MiniAppID), "pagepath": p.text(&s.PagePath)})
		},
		"on_bad_value": func(key string, n *yaml.Node) {
			if v, ok := p.scalar(key, n); ok {
				if p.OnBadValue, ok = ParseOnBadValue(v); !ok {
					p.complain(key, fmt.Sprintf("%q is no way to treat a value", v), "write stop, skip or truncate")
				}
			}
		},
		"quota": func(key string, n *yaml.Node) {
			p.mapping(key, n, map[string]func(string, *yaml.Node){"keep": p.keep})
		},
	})
	p.check()
	if len(p.bad) > 0 {
		return nil, errors.Join(p.bad...)
	}
	return s, nil
}

// yamlLine is how the YAML library begins its errors. Those of its parser, not of
// its scanner, count lines from 0.
var (
	yamlLine     = regexp.MustCompile(`line (\d+): `)
	yamlFromZero = regexp.MustCompile(`did not find expected (',' or|key|node content|'-' indicator|<document)`)
)

func yamlError(file string, err error) error {
	bad := &wxcast.BadInput{File: file, Problem: "is not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), Want: `put values with {{ }}, : or # in quotes`}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		bad.Line, _ = strconv.Atoi(m[1])
		if yamlFromZero.MatchString(err.Error()) {
			bad.Line++
		}
		bad.Problem = strings.Replace(bad.Problem, m[0], "", 1)
	}
	return bad
}

// specParser walks the YAML and gathers mistakes.
type specParser struct {
	*Spec
	bad []error
}

func (p *specParser) complain(key, problem, want string) {
	p.bad = append(p.bad, p.Bad(key, problem, want))
}

// mapping calls the field of each key, and complains of keys that have none.
func (p *specParser) mapping(at string, n *yaml.Node, fields map[string]func(string, *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		p.lines[at] = n.Line
		p.complain(at, "is not a map of keys and values", "write key: value")
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		full := key
		if at != "" {
			full = at + "." + key
		}
		if p.twice(full, n.Content[i].Line) {
			continue
		}
		field, ok := fields[key]
		if !ok {
			p.complain(full, "is not a key of a spec", suggest.For(key, slices.Collect(maps.Keys(fields))))
			continue
		}
		field(full, n.Content[i+1])
	}
}

// twice notes a key's line, and complains if it has one already.
func (p *specParser) twice(key string, line int) bool {
	first, twice := p.lines[key]
	if !twice {
		p.lines[key] = line
		return false
	}
	p.bad = append(p.bad, &wxcast.BadInput{File: p.file, Line: line, Key: key, Problem: fmt.Sprintf("stands on line %d already", first), Want: "remove one"})
	return true
}

// scalar is the text of a single value as it was written, whatever YAML takes it for.
func (p *specParser) scalar(key string, n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		p.complain(key, "is not a single value", "if it begins with {{, put it in quotes")
		return "", false
	}
	if n.Tag == "!!null" {
		return "", true
	}
	return n.Value, true
}

func (p *specParser) text(dest *string) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		if v, ok := p.scalar(key, n); ok {
			*dest = strings.TrimSpace(v)
		}
	}
}

func (p *specParser) rate(key string, n *yaml.Node) {
	v, ok := p.scalar(key, n)
	if !ok {
		return
	}
	rate, err := strconv.ParseFloat(v, 64)
	if err != nil || !(rate >= 0.01 && rate <= 100_000) {
		p.complain(key, fmt.Sprintf("%q is not a number of messages per second from 0.01 to 100000", v), "write for example rate: 50")
		return
	}
	p.Rate = rate
}

func (p *specParser) keep(key string, n *yaml.Node) {
	v, ok := p.scalar(key, n)
	if !ok {
		return
	}
	keep, err := strconv.ParseInt(v, 10, 64)
	if err != nil || keep < 0 {
		p.complain(key, fmt.Sprintf("%q is not a number of messages", v), "write for example keep: 1000")
		return
	}
	p.QuotaKeep = keep
}

func (p *specParser) data(key string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.complain(key, "is not a map of the template's keys and values", `write for example data: {thing1: "上新提醒"}`)
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, n.Content[i+1]
		full := key + "." + name
		if p.twice(full, n.Content[i].Line) {
			continue
		}
		if !dataKey.MatchString(name) {
			p.complain(full, "is no key of a template", "keys look like thing1 or time2")
			continue
		}
		if value.Kind == yaml.MappingNode && len(value.Content) == 2 && value.Content[0].Value == "value" {
			value = value.Content[1] // {thing1: {value: "…"}}, as WeChat writes it
		}
		if v, ok := p.scalar(full, value); ok {
			p.Data[name] = v
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
	for name, value := range p.Data {
		if err := checkSyntax(value); err != nil {
			p.complain("data."+name, err.Error(), "variables are "+strings.Join(Variables, ", ")+", written {{ .openid }}")
		}
	}
	if err := checkSyntax(p.PagePath); err != nil {
		p.complain("miniprogram.pagepath", err.Error(), "variables are "+strings.Join(Variables, ", ")+", written {{ .openid }}")
	}
	slices.SortStableFunc(p.bad, func(a, b error) int { return a.(*wxcast.BadInput).Line - b.(*wxcast.BadInput).Line })
}
