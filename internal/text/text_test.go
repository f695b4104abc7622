package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

func init() {
	add(map[string]words{
		"test.lots":      {"{n:count} of {whole} at {at:minute}, {share:percent}, {name:quote}, {states:or}", "{whole} 中的 {n:count}，{at:minute}，{share:percent}，{name:quote}，{states:or}"},
		"test.braces":    {"write {{ .openid }}, {n}", "请写 {{ .openid }}，{n}"},
		"test.inner":     {"because {why}", "因为{why}"},
		"test.inner/cli": {"write --yes", "请加 --yes"},
	})
}

func lots() wxcast.Sentence {
	at := time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)
	return wxcast.Say("test.lots", "n", int64(1234567), "whole", 7, "at", at, "share", 0.125, "name", "a\nb", "states", []wxcast.BroadcastState{"draft", "done", "paused"})
}

func TestSentencesAreSaidInBothLanguages(t *testing.T) {
	for lang, want := range map[Lang]string{
		English: `1,234,567 of 7 at 2026-11-30 10:00, 12.5%, "a\nb", draft, done or paused`,
		Chinese: `7 中的 1,234,567，2026-11-30 10:00，12.5%，"a\nb"，draft、done或paused`,
	} {
		if got := lang.Say(lots()); got != want {
			t.Errorf("%s: got %s, want %s", lang, got, want)
		}
	}
	if got, want := English.T("test.braces", "n", 3), "write {{ .openid }}, 3"; got != want {
		t.Errorf("got %s, want %s: {{ }} are braces of a spec", got, want)
	}
}

// A reason or an alert is stored by one process and said by another, in its reader's language.
func TestAStoredSentenceIsSaidAsItWas(t *testing.T) {
	for _, s := range []wxcast.Sentence{lots(), wxcast.Say("test.inner", "why", lots()), wxcast.Say("test.inner", "why", wxcast.NewError("test.braces", "n", 1<<60)), {}} {
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var stored wxcast.Sentence
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if got, want := English.Say(stored), English.Say(s); got != want {
			t.Errorf("stored as %s it says %q, before %q", raw, got, want)
		}
	}
}

func TestErrorsAreSaidEachOnALineOfItsOwn(t *testing.T) {
	bad := &wxcast.BadInput{File: "s.yaml", Line: 3, Key: "rate", Problem: wxcast.Say("test.inner", "why", 1), Want: wxcast.Verbatim("x")}
	flag := &wxcast.BadInput{Key: "on_bad_value", Problem: wxcast.Verbatim("y")}
	err := errors.Join(bad, fmt.Errorf("step: %w", errors.Join(wxcast.NewError("test.inner", "why", 2), errors.New("c"))), flag, fmt.Errorf("%w and %w", errors.New("a"), errors.New("b")))
	got := English.Error(err, CLI, func(key string) string { return "--" + key })
	want := "s.yaml:3: rate: because 1; x; write --yes\nbecause 2; write --yes\nc\n--on_bad_value: y\na and b"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheLanguageComesFromTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want Lang
	}{
		{map[string]string{"LANG": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, English},
		{map[string]string{"LC_ALL": "zh_TW"}, Chinese},
		{map[string]string{"LANG": "de_DE"}, English},
		{nil, English},
	} {
		if got := FromEnv(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: got %s, want %s", c.env, got, c.want)
		}
	}
}
