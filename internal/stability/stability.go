// Package stability writes down what others rely on: commands, keys, the API, specs, events and
// metrics, a line for each. What a release has, the next ones still have: docs/stability.md.
package stability

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/cli"
	"github.com/wxcast/wxcast/internal/metrics"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// Interface is all that others rely on, sorted. schema is the file of the specs' JSON schema, jsonKeys
// the one of the keys that commands write.
func Interface(schema, jsonKeys string) ([]string, error) {
	var all []string
	commands(cli.Commands(text.English), &all)
	for _, key := range config.Keys {
		all = append(all, "config "+key.Name, "config "+key.Env())
	}
	for _, event := range wxcast.EventTypes {
		all = append(all, "event "+event)
	}
	all = append(all, describe()...)
	calls, err := openAPI()
	if err != nil {
		return nil, err
	}
	all = append(all, calls...)
	keys, err := spec(schema)
	if err != nil {
		return nil, err
	}
	all = append(all, keys...)
	written, err := os.ReadFile(jsonKeys)
	if err != nil {
		return nil, err
	}
	for key := range strings.Lines(string(written)) {
		all = append(all, "json wxcast "+strings.TrimSpace(key))
	}
	shipped, err := migrations()
	if err != nil {
		return nil, err
	}
	all = append(all, shipped...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// migrations are those of both engines by what is in them: one that a release has is never edited.
func migrations() (all []string, err error) {
	err = fs.WalkDir(store.MigrationFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(store.MigrationFiles, path)
		all = append(all, fmt.Sprintf("%s %x", strings.Replace(path, "migrations/", "migration ", 1), sha256.Sum256(raw)))
		return err
	})
	return all, err
}

// commands are the commands with their flags.
func commands(c *cobra.Command, all *[]string) {
	if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
		return
	}
	*all = append(*all, "command "+c.CommandPath())
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			*all = append(*all, fmt.Sprintf("command %s --%s %s", c.CommandPath(), f.Name, f.Value.Type()))
		}
	})
	for _, sub := range c.Commands() {
		commands(sub, all)
	}
}

// describe are the metrics with their labels.
func describe() (all []string) {
	registry := prometheus.NewRegistry()
	m := metrics.New(registry, nil, nil)
	for _, d := range m.Descriptions() {
		text := d.String() // Desc{fqName: "…", help: "…", constLabels: {}, variableLabels: {a,b}}
		name, _, _ := strings.Cut(strings.SplitN(text, `fqName: "`, 2)[1], `"`)
		labels, _, _ := strings.Cut(strings.SplitN(text, "variableLabels: {", 2)[1], "}")
		all = append(all, "metric "+name+"{"+labels+"}")
	}
	return all
}

// openAPI are the API's calls, with their parameters, bodies and answers.
func openAPI() (all []string, err error) {
	served := httptest.NewRecorder()
	api.New(api.Options{Version: "any"}).ServeHTTP(served, httptest.NewRequest(http.MethodGet,
		api.Prefix+"/openapi.json", nil))
	var doc struct {
		Paths      map[string]map[string]operation `json:"paths"`
		Components struct {
			Schemas map[string]*node `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(served.Body.Bytes(), &doc); err != nil {
		return nil, fmt.Errorf("read the API's description: %w", err)
	}
	for path, calls := range doc.Paths {
		for method, call := range calls {
			name := "api " + strings.ToUpper(method) + " " + path
			all = append(all, name)
			for _, p := range call.Parameters {
				all = append(all, fmt.Sprintf("%s ?%s %s", name, p.Name, p.Schema.kind()))
			}
			for kind, body := range call.RequestBody.Content {
				all = append(all, name+" takes "+kind)
				body.Schema.walk(doc.Components.Schemas, name+" takes", 0, &all)
			}
			for status, answer := range call.Responses {
				for _, body := range answer.Content {
					if status < "300" {
						body.Schema.walk(doc.Components.Schemas, name+" answers", 0, &all)
					}
				}
			}
		}
	}
	return all, nil
}

type operation struct {
	Parameters []struct {
		Name   string `json:"name"`
		Schema *node  `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *node `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct {
			Schema *node `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
}

// node is a JSON schema, as far as it says what there is.
type node struct {
	Ref        string           `json:"$ref"`
	Type       any              `json:"type"`
	Properties map[string]*node `json:"properties"`
	Items      *node            `json:"items"`
	More       any              `json:"additionalProperties"`
}

func (n *node) kind() string {
	if n == nil || n.Type == nil {
		return "any"
	}
	return fmt.Sprint(n.Type)
}

// depthMax ends schemas that hold themselves.
const depthMax = 8

// walk writes down each key with its type.
func (n *node) walk(all map[string]*node, at string, depth int, out *[]string) {
	if n == nil || depth > depthMax {
		return
	}
	if n.Ref != "" {
		all[n.Ref[strings.LastIndexByte(n.Ref, '/')+1:]].walk(all, at, depth+1, out)
		return
	}
	n.Items.walk(all, at+"[]", depth+1, out)
	for _, key := range slices.Sorted(maps.Keys(n.Properties)) {
		below := n.Properties[key]
		kind := below.kind()
		if below.Ref != "" {
			kind = all[below.Ref[strings.LastIndexByte(below.Ref, '/')+1:]].kind()
		}
		where := at + "." + key
		*out = append(*out, where+" "+kind)
		below.walk(all, where, depth+1, out)
	}
}

// spec are the keys of a spec.
func spec(file string) (all []string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var any map[string]any
	if err := json.Unmarshal(raw, &any); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	seen := map[string]bool{}
	keysOf(any, seen)
	for key := range seen {
		all = append(all, "spec "+key)
	}
	return all, nil
}

// keysOf collects the properties of a JSON schema, wherever they stand.
func keysOf(v any, seen map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok {
			for name := range properties {
				seen[name] = true
			}
		}
		for _, below := range v {
			keysOf(below, seen)
		}
	case []any:
		for _, below := range v {
			keysOf(below, seen)
		}
	}
}
