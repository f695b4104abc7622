package spec_test

import (
	"context"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func nobody() *wxcast.Delivery { return &wxcast.Delivery{} }

// writer compiles a part, whichever channel it is of.
func writer(s *spec.Spec, part spec.Part) (spec.Writer, error) {
	switch part.Channel {
	case subscribe.Name:
		return subscribe.NewMessage(s, part, nil)
	case notice.Name:
		return notice.NewMessage(s, part, "wxMP", nil)
	case service.Name:
		return service.NewMessage(s, part, "wxMP")
	}
	return template.NewMessage(s, part, "wxMP", "key")
}

func writers(t *testing.T, s *spec.Spec) (all []spec.Writer) {
	t.Helper()
	for _, part := range s.Parts {
		w, err := writer(s, part)
		if err != nil {
			t.Fatal(words(err))
		}
		all = append(all, w)
	}
	return all
}

// people are an audience in one page.
type people []wxcast.FollowerRecord

func (p people) Followers(context.Context, int64, wxcast.Audience, wxcast.OpenID, int) ([]wxcast.FollowerRecord,
	error) {
	return p, nil
}

func person(openid, mini, remark string) (f wxcast.FollowerRecord) {
	f.OpenID, f.MiniOpenID, f.Remark = wxcast.OpenID(openid), wxcast.MiniOpenID(mini), remark
	return f
}

func TestEachRecipientIsHeldAgainstEachChannelThatHasAnIDOfTheirs(t *testing.T) {
	long := strings.Repeat("长", 21)
	s, err := parse(changed("prefer: order => on_bad_value: skip"))
	if err != nil {
		t.Fatal(words(err))
	}
	for name, test := range map[string]struct {
		people
		bad   int64
		first string
	}{
		"everything fits":                      {people{person("o1", "m1", "a"), person("o2", "m2", "b")}, 0, "subscribe m1, subscribe m2"},
		"by the first channel that has an id":  {people{person("o1", "", "a"), person("o2", "m2", "b")}, 0, "template o1, subscribe m2"},
		"too long for the first channel alone": {people{person("o1", "m1", long)}, 1, ""},
		"and that one has no id of theirs":     {people{person("o1", "", long)}, 0, "template o1"},
		"too long for the last channel":        {people{person("o1", "", strings.Repeat(long, 4)), person("o2", "m2", "b")}, 1, "subscribe m2"},
		"no channel has an id":                 {people{person("", "", "a")}, 0, ""},
	} {
		found, err := spec.Check(t.Context(), test.people, writers(t, s), spec.Preflighting{Spec: s, First: 2})
		var first []string
		for _, shown := range found.First {
			first = append(first, shown.Channel+" "+shown.To)
		}
		if got := strings.Join(first, ", "); err != nil || found.Recipients != int64(len(test.people)) ||
			found.Bad != test.bad || got != test.first {
			t.Errorf("%s: %+v (%s) %v, want %d bad and %s", name, found, got, err, test.bad, test.first)
		}
	}
}

func TestABadValueIsToldWithTheChannelsLine(t *testing.T) {
	s, err := parse(shipped)
	if err != nil {
		t.Fatal(words(err))
	}
	bad := people{person("o1", "m1", strings.Repeat("长", 21))}
	_, err = spec.Check(t.Context(), bad, writers(t, s), spec.Preflighting{Spec: s})
	if want := "s.yaml:6: channels.subscribe.data.thing1: for o1: "; !strings.HasPrefix(words(err), want) {
		t.Errorf("got  %s\nwant %s", words(err), want)
	}
	mask := func(d wxcast.Delivery) wxcast.Delivery {
		d.OpenID, d.MiniOpenID, d.Remark = "***", "***", "***"
		return d
	}
	_, err = spec.Check(t.Context(), bad, writers(t, s), spec.Preflighting{Spec: s, Mask: mask})
	if got := words(err); strings.Contains(got, "o1") || strings.Contains(got, "长") || !strings.Contains(got, "***") {
		t.Errorf("%s", got)
	}
	found, err := spec.Check(t.Context(), people{person("o1", "m1", "a")}, writers(t, s),
		spec.Preflighting{Spec: s, Mask: mask, First: 1})
	if err != nil || len(found.First) != 1 || found.First[0].To != "***" || found.First[0].Data["thing1"] != "***" ||
		found.First[0].PagePath != "pages/order?id=%2A%2A%2A" {
		t.Errorf("%+v %v", found, err)
	}
}
