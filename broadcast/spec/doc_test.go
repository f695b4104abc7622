package spec_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
)

// forms are those of all channels.
var forms = []spec.Form{template.Form{}, subscribe.Form{}, notice.Form{}, service.Form{}}

func parse(raw string) (*spec.Spec, error) { return spec.Parse("s.yaml", []byte(raw), forms...) }

// The pages that show every key of a spec.
var pages = []string{"../../docs/broadcast.md", "../../docs/zh/broadcast.md"}

var shownSpec = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// documented are the specs that the pages show.
func documented(t *testing.T) (specs []string) {
	t.Helper()
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shown := shownSpec.FindAllStringSubmatch(string(page), -1)
		if len(shown) < 2 {
			t.Errorf("%s shows %d specs: a flat one and one with channels", path, len(shown))
		}
		for _, m := range shown {
			specs = append(specs, m[1])
		}
	}
	return specs
}

func TestTheDocumentedSpecsAreSome(t *testing.T) {
	for _, text := range documented(t) {
		if _, err := parse(text); err != nil {
			t.Errorf("%s\n%s", words(err), text)
		}
	}
}

// Each key of each channel stands in the specs that a page shows, and in the schema.
func TestThePagesShowEachChannelsKeys(t *testing.T) {
	schema := compiled(t)
	inSchema := keysOf(schema, "")
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range forms {
			_, fields := form.Read(&spec.Parser{})
			for key := range maps.Keys(fields) {
				if full := "channels." + form.Channel() + "." + key; !slices.Contains(inSchema, full) {
					t.Errorf("docs/spec.schema.json lacks %s", full)
				}
				if !regexp.MustCompile(`\b` + key + `:`).Match(page) {
					t.Errorf("%s does not show %s of %s", filepath.Base(path), key, form.Channel())
				}
			}
		}
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/spec.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

const flat = `name: spring-sale
template: TPL_ID
data: {thing1: "上新提醒", time2: "2026-11-30 10:00"}
miniprogram: {pagepath: "pages/sale/index?from=oa"}
rate: 50
`

// The schema that editors use knows the keys that the parser knows, and refuses what
// it refuses.
func TestTheSchemaIsThatOfTheParser(t *testing.T) {
	schema := compiled(t)
	check := func(text string) error {
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(plain(doc))
	}
	for _, text := range documented(t) {
		if err := check(text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	for base, changes := range map[string][]string{
		flat: {
			"", "rate: 50 => rate: 0", "rate: 50 => rat: 50", "rate: 50 => audience: {limit: 0}",
			"rate: 50 => audience: {in: {by: openid}}", "rate: 50 => canary: {wait: 10m}",
			"rate: 50 => canary: {share: 1%}", "rate: 50 => quiet_hours: at night", "rate: 50 => on_unknown: retry",
			"rate: 50 => frequency_cap: {month: 3}",
			"rate: 50 => audience: {bridged: maybe}",
			"rate: 50 => audience: {not_in: [a.csv, {file: b.csv, by: unionid}]}",
			"rate: 50 => url: example.com", "rate: 50 => url: '{{ .openid }}'", "rate: 50 => prefer: cheapest",
			"rate: 50 => channels: [{template: {template: T, data: {thing1: a}}}]", "rate: 50 => form_id: a",
			"template: TPL_ID => ", "pages/sale => /pages/sale", "spring-sale => spring sale",
			"rate: 50 => priority: 101",
			"rate: 50 => audience: {not_messaged: 7}",
			"{pagepath: \"pages/sale/index?from=oa\"} => none\nurl: https://example.com/",
		},
		shipped: {
			"", "prefer: order => prefer: best", "prefer: order => url: https://example.com/",
			"media_id: M => image: a.png",
			", media_id: M => ", "media_id: M => media_id: M, image: a.png", "media_id: M => media_id: M, text: a",
			"title: => titel:",
			"service: {title: \"{{ .remark }}已发货\", pagepath: pages/order, media_id: M} => service: {text: a}",
			"state: formal => state: beta", "miniprogram_state: formal => lang: fr",
			"miniprogram_state: formal => appid: wx1",
			"page: \"pages => page: \"/pages", "- template: => - notice:", "- template: => - letter:",
			"      template: SUB_ID\n => ", "      data: {thing1: 已发货}\n => ",
		},
		"name: n\nchannels: [{template: {template: T, data: {thing1: a}}}]\n": {
			"[{template: {template: T, data: {thing1: a}}}] => []", "[{template: => [{pigeon:",
			"[{ => [{service: {text: a}, ",
			"[{ => [{service: {text: a}}, {",
		},
	} {
		for _, change := range changes {
			old, replacement, _ := strings.Cut(change, " => ")
			text := strings.Replace(base, old, replacement, 1)
			_, parsed := parse(text)
			if valid := check(text); (valid == nil) != (parsed == nil) {
				t.Errorf("%s: the schema says %v, the parser %v", change, valid, words(parsed))
			}
		}
	}
	for _, key := range keysOf(schema, "") {
		// A key that the parser does not know is told as such, whatever else is wrong.
		lines, indent := "name: n\n", ""
		for i, part := range strings.Split(key, ".") {
			if i == 1 && strings.HasPrefix(key, "channels.") {
				lines += "  - " + part + ":\n"
				indent = "      "
				continue
			}
			lines += indent + part + ":\n"
			indent += "  "
		}
		if _, err := parse(lines); err == nil || strings.Contains(words(err), "is not a key of a spec") ||
			strings.Contains(words(err), "is no channel") {
			t.Errorf("the parser does not know %s: %v", key, err)
		}
	}
}

// plain turns YAML's times, which JSON does not have, back into texts.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case interface{ Format(string) string }:
		return v.Format("2006-01-02 15:04")
	}
	return v
}

// keysOf are a schema's keys, those of a list's entries as if they were its own.
func keysOf(s *jsonschema.Schema, at string) (keys []string) {
	for s.Ref != nil {
		s = s.Ref
	}
	for name, p := range s.Properties {
		keys = append(append(keys, at+name), keysOf(p, at+name+".")...)
	}
	if entry, ok := s.Items2020, s.Items2020 != nil && s.Items2020.Properties != nil; ok {
		keys = append(keys, keysOf(entry, at)...)
	}
	return keys
}
