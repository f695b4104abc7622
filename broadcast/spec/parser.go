package spec

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// yamlLine is how the YAML library begins its errors. Those of its parser, not of
// its scanner, count lines from 0.
var (
	yamlLine     = regexp.MustCompile(`line (\d+): `)
	yamlFromZero = regexp.MustCompile(`did not find expected (',' or|key|node content|'-' indicator|<document)`)
)

func yamlError(file string, err error) error {
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	bad := &wxcast.BadInput{File: file, Want: wxcast.Say("spec.want_quotes")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		bad.Line, _ = strconv.Atoi(m[1])
		if yamlFromZero.MatchString(err.Error()) {
			bad.Line++
		}
		problem = strings.Replace(problem, m[0], "", 1)
	}
	bad.Problem = wxcast.Say("spec.no_yaml", "why", problem)
	return bad
}

// Parser walks the YAML and gathers mistakes.
type Parser struct {
	*Spec
	forms    []Form
	flatKeys []string // those of the first form
	message  bool     // it is a spec of single messages
	bad      []error
}

// Field reads what stands at a key.
type Field func(key string, n *yaml.Node)

// Given tells whether the spec has a key.
func (p *Parser) Given(key string) bool { return p.lines[key] > 0 }

// example is a sentence that shows how to write something.
func example(text string) wxcast.Sentence { return wxcast.Say("input.example", "example", text) }

// Complain notes a mistake at a key.
func (p *Parser) Complain(key string, problem, want wxcast.Sentence) {
	p.bad = append(p.bad, p.Bad(key, problem, want))
}

// Mapping calls the field of each key, and complains of keys that have none.
func (p *Parser) Mapping(at string, n *yaml.Node, fields map[string]Field) {
	if n.Kind != yaml.MappingNode {
		p.lines[at] = n.Line
		p.Complain(at, wxcast.Say("spec.no_map"), wxcast.Say("spec.want_map"))
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
		if !ok && p.retired(full, key) {
			continue
		}
		if !ok {
			p.Complain(full, wxcast.Say("spec.no_key"), suggest.For(key, slices.Collect(maps.Keys(fields))))
			continue
		}
		field(full, n.Content[i+1])
	}
}

// twice notes a key's line, and complains if it has one already.
func (p *Parser) twice(key string, line int) bool {
	first, twice := p.lines[key]
	if !twice {
		p.lines[key] = line
		return false
	}
	p.bad = append(p.bad, &wxcast.BadInput{File: p.file, Line: line, Key: key,
		Problem: wxcast.Say("spec.twice", "line", first), Want: wxcast.Say("spec.remove_one")})
	return true
}

// retired complains of a form_id, by which mini programs sent messages before there were
// consents. Source: WeChat's announcement of subscribe messages: no more from 2020-01-10.
func (p *Parser) retired(key, name string) bool {
	if strings.ReplaceAll(strings.ToLower(name), "_", "") != "formid" {
		return false
	}
	p.Complain(key, wxcast.Say("spec.form_id"), wxcast.Say("spec.want_subscribe"))
	return true
}

// Scalar is the text of a single value as it was written, whatever YAML takes it for.
func (p *Parser) Scalar(key string, n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode {
		p.Complain(key, wxcast.Say("spec.no_scalar"), wxcast.Say("spec.want_scalar"))
		return "", false
	}
	if n.Tag == "!!null" {
		return "", true
	}
	return n.Value, true
}

// String reads a text, without blanks around it.
func (p *Parser) String(dest *string) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if ok && strings.Contains(v, "{{") { // else it would be sent as it stands
			p.Complain(key, wxcast.Say("spec.no_variables"), wxcast.Say("spec.want_no_variables"))
		}
		if ok {
			*dest = strings.TrimSpace(v)
		}
	}
}

// Text reads a text that may hold {{ }}.
func (p *Parser) Text(dest *string) Field {
	return func(key string, n *yaml.Node) {
		if v, ok := p.Scalar(key, n); ok {
			*dest = strings.TrimSpace(v)
		}
	}
}

// Section is a map with these keys.
func (p *Parser) Section(fields map[string]Field) Field {
	return func(key string, n *yaml.Node) { p.Mapping(key, n, fields) }
}

// Values reads a map of texts, whose keys have a form; bad is told of those that have not.
func (p *Parser) Values(dest map[string]string, form *regexp.Regexp, bad, want wxcast.Sentence) Field {
	return func(key string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			p.Complain(key, wxcast.Say("spec.no_values"), want)
			return
		}
		for i := 0; i < len(n.Content); i += 2 {
			name, value := n.Content[i].Value, n.Content[i+1]
			full := key + "." + name
			if p.twice(full, n.Content[i].Line) || p.retired(full, name) {
				continue
			}
			if !form.MatchString(name) {
				p.Complain(full, bad, wxcast.Say("spec.want_value_key"))
				continue
			}
			if value.Kind == yaml.MappingNode && len(value.Content) == 2 && value.Content[0].Value == "value" {
				value = value.Content[1] // {thing1: {value: "…"}}, as WeChat writes it
			}
			if v, ok := p.Scalar(full, value); ok {
				dest[name] = v
			}
		}
	}
}

// number reads a number within bounds.
func (p *Parser) number(low, high float64, what, shown string, set func(float64)) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f >= low && f <= high) {
			p.Complain(key, wxcast.Say("spec.no_number", "value", v, "what", wxcast.Say(what), "low", low, "high",
				high), example(shown))
			return
		}
		set(f)
	}
}

// whole reads a whole number within bounds.
func (p *Parser) whole(low, high int64, what, shown string, set func(int64)) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		i, err := strconv.ParseInt(v, 10, 64)
		if err != nil || i < low || i > high {
			p.Complain(key, wxcast.Say("spec.no_whole", "value", v, "what", wxcast.Say(what), "low", low, "high", high),
				example(shown))
			return
		}
		set(i)
	}
}

// yes reads yes or no.
func (p *Parser) yes(dest *bool) Field {
	return func(key string, n *yaml.Node) {
		text, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		switch strings.ToLower(text) {
		case "true", "yes":
			*dest = true
		case "false", "no":
			*dest = false
		default:
			p.Complain(key, wxcast.Say("spec.no_yes", "value", text), wxcast.Say("spec.write_one", "known",
				[]string{"yes", "no"}))
		}
	}
}

// share reads a share such as 1% or 0.01, above 0 and at most 1.
func (p *Parser) share(dest *float64) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		f, ok := value.Share(v)
		if !ok || f == 0 {
			p.Complain(key, wxcast.Say("spec.no_share_value", "value", v), wxcast.Say("spec.want_share"))
			return
		}
		*dest = f
	}
}

// duration reads a time such as 10m or 7d.
func (p *Parser) duration(low, high time.Duration, shown string, dest *time.Duration) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		d, err := parseDuration(v)
		if err != nil || d < low || d > high {
			p.Complain(key, wxcast.Say("spec.no_duration", "value", v, "low", shortDuration(low), "high",
				shortDuration(high)), example(shown))
			return
		}
		*dest = d
	}
}

const day = 24 * time.Hour

// parseDuration is time.ParseDuration with days.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil && math.Abs(n) > 36500 {
			err = strconv.ErrRange
		}
		return time.Duration(n * float64(day)), err
	}
	return time.ParseDuration(text)
}

func shortDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// timeForms are how a spec may write a Beijing time.
var timeForms = []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02", time.RFC3339}

// ParseTime reads a Beijing time such as 2026-11-30 10:00, or 2026-11-30 for its
// beginning.
func ParseTime(text string) (time.Time, error) {
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, wxcast.Beijing); err == nil {
			return t, nil
		}
	}
	return time.Time{}, wxcast.NewError("input.time", "value", text)
}

func (p *Parser) time(dest *time.Time) Field {
	return func(key string, n *yaml.Node) {
		v, ok := p.Scalar(key, n)
		if !ok {
			return
		}
		t, err := ParseTime(v)
		if err != nil {
			p.Complain(key, wxcast.Say("input.time", "value", v), wxcast.Say("spec.want_time"))
			return
		}
		*dest = t
	}
}

// texts reads a list of texts, or a single one.
func (p *Parser) texts(dest *[]string) Field {
	return func(key string, n *yaml.Node) {
		for _, n := range elements(n) {
			if v, ok := p.Scalar(key, n); ok {
				*dest = append(*dest, strings.TrimSpace(v))
			}
		}
	}
}

// elements are a sequence's, or the node itself.
func elements(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

// tags reads a list of WeChat's tag ids.
func (p *Parser) tags(dest *[]int) Field {
	return func(key string, n *yaml.Node) {
		for _, n := range elements(n) {
			p.whole(0, 1<<31, "spec.a_tag", "[2, 100]", func(i int64) { *dest = append(*dest, int(i)) })(key, n)
		}
	}
}
