package notify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/notify"
)

// What we send has the keys and types of the services' own examples, and their own answers
// are understood.
func TestTheServicesExamples(t *testing.T) {
	raw, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var examples map[string]struct {
		Source  string          `json:"source"`
		Request any             `json:"request"`
		Took    json.RawMessage `json:"took"`
		Refused json.RawMessage `json:"refused"`
	}
	if err := json.Unmarshal(raw, &examples); err != nil {
		t.Fatal(err)
	}
	for kind, example := range examples {
		for answer, good := range map[string]bool{string(example.Took): true, string(example.Refused): false} {
			if answer == "null" {
				continue
			}
			c := &chat{status: http.StatusOK, answer: strings.Trim(answer, `"`)}
			service := httptest.NewServer(c)
			r := notify.Robot{Kind: kind, URL: config.Secret(service.URL + "/"), Secret: config.Secret("SEC1")}
			err := r.Tell(t.Context(), service.Client(), notice, "shop", at)
			service.Close()
			if good != (err == nil) {
				t.Errorf("%s: after %s: %v", kind, answer, err)
			}
			var sent any
			_, body, _ := strings.Cut(c.all()[0], " ")
			if err := json.Unmarshal([]byte(body), &sent); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if got, want := shape(sent), shape(example.Request); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: sent %v, the example has %v (%s)", kind, got, want, example.Source)
			}
		}
	}
	if len(examples) != 4 {
		t.Errorf("%d examples", len(examples))
	}
}

// shape is a JSON value's keys, whole paths, with their types.
func shape(v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf(" %T", v)}
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, below := range shape(m[key]) {
			all = append(all, "."+key+below)
		}
	}
	return all
}
