package broadcast

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/suggest"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// yamlLine is how the YAML library begins its errors. Those of its parser, not of
// its scanner, count lines from 0.
var (
	yamlLine     = regexp.MustCompile(`line (\d+): `)
	yamlFromZero = regexp.MustCompile(`did not find expected (',' or|key|node content|'-' indicator|<document)`)
)

func yamlError(file string, err error) error {
	problem := "is not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")
	bad := &wxcast.BadInput{File: file, Want: wxcast.Plain(`put values with {{ }}, : or # in quotes`)}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		bad.Line, _ = strconv.Atoi(m[1])
		if yamlFromZero.MatchString(err.Error()) {
			bad.Line++
		}
		problem = strings.Replace(problem, m[0], "", 1)
	}
	bad.Problem = wxcast.Plain(problem)
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
	p.bad = append(p.bad, &wxcast.BadInput{File: p.file, Line: line, Key: key, Problem: wxcast.Plain(fmt.Sprintf("stands on line %d already", first)), Want: wxcast.Plain("remove one")})
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

// number reads a number within bounds.
func (p *specParser) number(low, high float64, what, example string, set func(float64)) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		v, ok := p.scalar(key, n)
		if !ok {
			return
		}
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f >= low && f <= high) {
			p.complain(key, fmt.Sprintf("%q is not a %s from %v to %v", v, what, low, high), "write for example "+example)
			return
		}
		set(f)
	}
}

// whole reads a whole number within bounds.
func (p *specParser) whole(low, high int64, what, example string, set func(int64)) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		v, ok := p.scalar(key, n)
		if !ok {
			return
		}
		i, err := strconv.ParseInt(v, 10, 64)
		if err != nil || i < low || i > high {
			p.complain(key, fmt.Sprintf("%q is not a whole number of %s from %d to %d", v, what, low, high), "write for example "+example)
			return
		}
		set(i)
	}
}

// share reads a share such as 1% or 0.01, above 0 and at most 1.
func (p *specParser) share(dest *float64) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		v, ok := p.scalar(key, n)
		if !ok {
			return
		}
		text, percent := strings.CutSuffix(v, "%")
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if percent {
			f /= 100
		}
		if err != nil || !(f > 0 && f <= 1) {
			p.complain(key, fmt.Sprintf("%q is no share above 0 and up to 100%%", v), "write for example 1% or 0.01")
			return
		}
		*dest = f
	}
}

// duration reads a time such as 10m or 7d.
func (p *specParser) duration(low, high time.Duration, example string, dest *time.Duration) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		v, ok := p.scalar(key, n)
		if !ok {
			return
		}
		d, err := parseDuration(v)
		if err != nil || d < low || d > high {
			p.complain(key, fmt.Sprintf("%q is no length of time from %s to %s", v, shortDuration(low), shortDuration(high)), "write for example "+example)
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
	return time.Time{}, fmt.Errorf("%q is no Beijing time such as 2026-11-30 10:00", text)
}

func (p *specParser) time(dest *time.Time) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		v, ok := p.scalar(key, n)
		if !ok {
			return
		}
		t, err := ParseTime(v)
		if err != nil {
			p.complain(key, err.Error(), "write 2026-11-30 10:00, or 2026-11-30 for its beginning")
			return
		}
		*dest = t
	}
}

// texts reads a list of texts, or a single one.
func (p *specParser) texts(dest *[]string) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		for _, n := range elements(n) {
			if v, ok := p.scalar(key, n); ok {
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
func (p *specParser) tags(dest *[]int) func(string, *yaml.Node) {
	return func(key string, n *yaml.Node) {
		for _, n := range elements(n) {
			p.whole(0, 1<<31, "a tag's id", "[2, 100]", func(i int64) { *dest = append(*dest, int(i)) })(key, n)
		}
	}
}
