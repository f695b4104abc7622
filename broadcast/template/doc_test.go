package template_test

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func documentedSpec(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/broadcast.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("docs/broadcast.md shows no spec")
	}
	return text
}

func TestTheDocumentedSpecIsOne(t *testing.T) {
	if _, err := parse("docs/broadcast.md", []byte(documentedSpec(t))); err != nil {
		t.Error(err)
	}
}

// The schema that editors use knows the keys that the parser knows, and refuses what
// it refuses.
func TestTheSchemaIsThatOfTheParser(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	schema, err := compiler.Compile("../../docs/spec.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(plain(doc))
	}
	if err := check(documentedSpec(t)); err != nil {
		t.Error(err)
	}
	for _, change := range []string{
		"", "rate: 50 => rate: 0", "rate: 50 => rat: 50", "rate: 50 => audience: {limit: 0}",
		"rate: 50 => audience: {in: {by: openid}}", "rate: 50 => canary: {wait: 10m}",
		"rate: 50 => canary: {share: 1%}", "rate: 50 => quiet_hours: at night", "rate: 50 => on_unknown: retry",
		"rate: 50 => frequency_cap: {month: 3}",
		"rate: 50 => audience: {bridged: maybe}", "rate: 50 => audience: {not_in: [a.csv, {file: b.csv, by: unionid}]}",
		"rate: 50 => url: example.com",
		"template: TPL_ID => ", "pages/sale => /pages/sale", "spring-sale => spring sale", "rate: 50 => priority: 101",
		"rate: 50 => audience: {not_messaged: 7}",
	} {
		old, replacement, _ := strings.Cut(change, " => ")
		text := strings.Replace(goodSpec, old, replacement, 1)
		_, parsed := parse("s.yaml", []byte(text))
		if valid := check(text); (valid == nil) != (parsed == nil) {
			t.Errorf("%s: the schema says %v, the parser %v", change, valid, parsed)
		}
	}
	for _, key := range keysOf(schema, "") {
		// A key that the parser does not know is told as such, whatever else is wrong.
		lines := "name: n\n"
		for i, part := range strings.Split(key, ".") {
			lines += strings.Repeat("  ", i) + part + ":\n"
		}
		if _, err := parse("s.yaml", []byte(lines)); err == nil ||
			strings.Contains(words(err), "is not a key of a spec") {
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

func keysOf(s *jsonschema.Schema, at string) (keys []string) {
	for name, p := range s.Properties {
		keys = append(append(keys, at+name), keysOf(p, at+name+".")...)
	}
	return keys
}
