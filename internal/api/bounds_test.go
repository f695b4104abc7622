package api_test

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/wxcast/wxcast/internal/account"
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
