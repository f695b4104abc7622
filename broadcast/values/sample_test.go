package values_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/values"
)

// A sample is one that WeChat's rules take, whatever the key.
func TestSamplesKeepTheRules(t *testing.T) {
	for name, rules := range map[string]values.Rules{"templates": values.OfTemplates, "subscribe": values.OfSubscribe} {
		for _, key := range []string{"thing1", "const2", "character_string3", "phone_number4", "car_number5", "phrase6",
			"number7", "letter8", "symbol9", "name10", "amount11", "date12", "time13", "keyword1", "first"} {
			value := values.Sample(key, nil, time.Date(2026, 11, 29, 18, 0, 0, 0, time.UTC))
			if problem, _ := rules.Check(key, value, nil); !problem.IsZero() {
				t.Errorf("%s: %s is %q: %v", name, key, value, problem)
			}
		}
	}
	if got := values.Sample("time1", nil, time.Date(2026, 11, 29, 18, 0, 0, 0, time.UTC)); got != "2026-11-30 02:00" {
		t.Errorf("%s is no time in Beijing", got)
	}
	if got := values.Sample("phrase1", []string{"已发货"}, time.Now()); got != "已发货" {
		t.Errorf("%s is not allowed", got)
	}
}
