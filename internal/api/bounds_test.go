package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/api"
	"github.com/wxcast/wxcast/internal/value"
)

// The bounds that the document tells are the ones that hold: a tag cannot name a constant.
func TestTheDocumentTellsTheBoundsThatHold(t *testing.T) {
	steering := reflect.TypeFor[account.Steering]()
	for field, want := range map[string][2]float64{
		"Rate":     {value.RateMin, value.RateMax},
		"Priority": {-value.PriorityMax, value.PriorityMax},
	} {
		f, ok := steering.FieldByName(field)
		if !ok {
			t.Fatalf("there is no field %s", field)
		}
		for i, tag := range []string{"minimum", "maximum"} {
			if got, err := strconv.ParseFloat(f.Tag.Get(tag), 64); err != nil || got != want[i] {
				t.Errorf("%s: the document says %s %s, and %v holds", field, tag, f.Tag.Get(tag), want[i])
			}
		}
	}
}

// What a path or a call names, the document tells: a struct that cannot be seen into is left out
// of both.
func TestTheDocumentTellsEveryParameter(t *testing.T) {
	served := httptest.NewRecorder()
	api.New(api.Options{Version: "test"}).ServeHTTP(served, httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(served.Body.Bytes(), &doc); err != nil || len(doc.Paths) == 0 {
		t.Fatalf("%v: %.300s", err, served.Body)
	}
	inPath := regexp.MustCompile(`\{(\w+)\}`)
	for path, ops := range doc.Paths {
		for _, op := range ops {
			told := map[string]bool{}
			for _, p := range op.Parameters {
				told[p.Name] = true
			}
			for _, name := range inPath.FindAllStringSubmatch(path, -1) {
				if !told[name[1]] {
					t.Errorf("%s %s: nothing of {%s}", op.OperationID, path, name[1])
				}
			}
			if strings.Contains(op.OperationID, "permit") && !told["mini"] {
				t.Errorf("%s: nothing of mini", op.OperationID)
			}
		}
	}
}
