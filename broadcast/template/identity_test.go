package template_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/golden"
)

// hashOf reads a spec with the files beside it, and returns its content hash.
func hashOf(t *testing.T, yaml string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := parse("spec.yaml", []byte(yaml))
	if err != nil {
		t.Fatalf("%s\n%s", words(err), yaml)
	}
	if err := s.OpenFiles(dir); err != nil {
		t.Fatalf("%s\n%s", words(err), yaml)
	}
	return s.ContentHash()
}

const base = "name: n\ntemplate: T\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\n"

var people = map[string]string{"vip.csv": "openid,coupon,city\no1,八折,北京\no2,九折,上海\n", "not.csv": "openid\no3\n"}

// The hashes of twenty specs are fixed: whoever runs a spec that is done, with another version
// of wxcast, must not send to everyone again. A change here is a release that does.
func TestGoldenContentHashes(t *testing.T) {
	var got strings.Builder
	for i, yaml := range []string{
		base,
		base + "url: https://example.com/a\n",
		base + "miniprogram: {pagepath: \"pages/a?x={{ .openid }}\"}\n",
		base + "miniprogram: {appid: wx0123, pagepath: pages/a}\n",
		strings.Replace(base, "上新", "\"{{ .remark | default \\\"您\\\" }}\"", 1),
		base + "audience: {bridged: any}\n",
		base + "audience: {bridged: no}\n",
		base + "audience: {tags: {any: [2, 100]}}\n",
		base + "audience: {tags: {all: [2, 100], none: [7]}}\n",
		base + "audience: {scenes: [ADD_SCENE_QR_CODE]}\n",
		base + "audience: {followed_after: 2026-01-01}\n",
		base + "audience: {followed_before: 2026-01-01 10:00}\n",
		base + "audience: {in: vip.csv}\n",
		base + "audience: {not_in: [not.csv]}\n",
		base + "audience: {not_messaged: 7d}\n",
		base + "audience: {sample: 10%}\n",
		base + "audience: {limit: 1000}\n",
		base + "audience: {exclude_broadcasts: [spring-sale]}\n",
		"name: m\ntemplate: T2\ndata: {keyword1: a, keyword2: b, first: c}\n",
		base + "audience: {in: vip.csv, not_in: [not.csv], limit: 5, sample: 0.5}\nurl: https://example.com\n",
	} {
		fmt.Fprintf(&got, "%02d %s\n", i+1, hashOf(t, yaml, people))
	}
	golden.Check(t, "testdata/hashes.golden", got.String(),
		"a spec has another content hash than before: run again, it would be sent to everyone again")
}

func TestHowASpecIsWrittenDoesNotChangeItsHash(t *testing.T) {
	list := base + "audience: {in: vip.csv}\n"
	for name, c := range map[string]struct {
		one, other string
		files      map[string]string // of the other
	}{
		"the order of keys": {base, "data:\n  time2: \"2026-11-30 10:00\"\n  thing1: 上新\ntemplate: T\nname: n\n",
			nil},
		"comments":     {base, "# a comment\n" + base, nil},
		"another name": {base, strings.Replace(base, "name: n", "name: m", 1), nil},
		"how to send it": {base,
			base + "rate: 3\npriority: 5\nquota: {keep: 9}\ncanary: {share: 1%}\nquiet_hours: 22:00-08:00\non_bad_value: skip\n", nil},
		"a default, written": {base, base + "audience: {bridged: yes}\n", nil},
		"an empty value":     {base, base + "url: \"\"\nminiprogram: {}\naudience: {}\n", nil},
		"the channels form": {base,
			"name: n\nchannels:\n  - template: {template: T, data: {thing1: 上新, time2: \"2026-11-30 10:00\"}}\n", nil},
		"the order of tags": {base + "audience: {tags: {any: [2, 100]}}\n",
			base + "audience: {tags: {any: [100, 2]}}\n", nil},
		"all is no sample": {base, base + "audience: {sample: 100%}\n", nil},
		"a list's name": {list, strings.Replace(list, "vip.csv", "other.csv", 1),
			map[string]string{"other.csv": people["vip.csv"]}},
		"a list's line ends": {list, list, map[string]string{"vip.csv": strings.ReplaceAll(people["vip.csv"], "\n",
			"\r\n")}},
		"a list's mark": {list, list, map[string]string{"vip.csv": "\ufeff" + people["vip.csv"]}},
		"the order of columns": {list, list,
			map[string]string{"vip.csv": "city,openid,coupon\n北京,o1,八折\n上海,o2,九折\n"}},
		"the id's column, named": {list, base + "audience: {in: {file: vip.csv, by: openid}}\n", nil},
	} {
		files := people
		if c.files != nil {
			files = c.files
		}
		if one, other := hashOf(t, c.one, people), hashOf(t, c.other, files); one != other {
			t.Errorf("%s makes another broadcast: %s and %s", name, one, other)
		}
	}
}

func TestWhatIsSaidAndToWhomChangesTheHash(t *testing.T) {
	list := base + "audience: {in: vip.csv}\n"
	seen := map[string]string{hashOf(t, base, people): "nothing", hashOf(t, list, people): "a list"}
	for name, c := range map[string]struct {
		yaml string
		vip  string
	}{
		"the template":      {strings.Replace(base, "template: T", "template: U", 1), ""},
		"a value":           {strings.Replace(base, "上新", "上新了", 1), ""},
		"a key":             {strings.Replace(base, "thing1", "thing3", 1), ""},
		"a url":             {base + "url: https://example.com\n", ""},
		"a page":            {base + "miniprogram: {pagepath: p}\n", ""},
		"everybody":         {base + "audience: {bridged: any}\n", ""},
		"a limit":           {base + "audience: {limit: 7}\n", ""},
		"a person of it":    {list, "openid,coupon,city\no1,八折,北京\n"},
		"another person":    {list, "openid,coupon,city\no1,八折,北京\no4,九折,上海\n"},
		"a variable":        {list, "openid,coupon,city\no1,七折,北京\no2,九折,上海\n"},
		"a variable's name": {list, "openid,coupons,city\no1,八折,北京\no2,九折,上海\n"},
		"who must not":      {base + "audience: {not_in: [vip.csv]}\n", ""},
	} {
		files := people
		if c.vip != "" {
			files = map[string]string{"vip.csv": c.vip}
		}
		hash := hashOf(t, c.yaml, files)
		if !strings.HasPrefix(hash, "v1:") {
			t.Errorf("%s: %s names no version", name, hash)
		}
		if other, twice := seen[hash]; twice {
			t.Errorf("%s and %s have one hash, though they say something else to somebody else", name, other)
		}
		seen[hash] = name
	}
}
