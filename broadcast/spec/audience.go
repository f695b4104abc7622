package spec

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// AudienceSpec is whom a spec asks for. Its zero value, with Bridged "yes", is every
// follower whom the mini program knows.
type AudienceSpec struct {
	Bridged           string // "yes", "no" or "any"
	TagsAny           []int
	TagsAll           []int
	TagsNone          []int
	Scenes            []string
	FollowedAfter     time.Time // that instant included
	FollowedBefore    time.Time
	In                *ListFile
	NotIn             []*ListFile
	NotMessaged       time.Duration // nobody who got a message in so long
	Sample            float64       // share; 0 for all
	Limit             int64         // 0 for all
	ExcludeBroadcasts []string      // names or IDs
}

// The values of AudienceSpec.Bridged.
const (
	BridgedOnly  = "yes"
	bridgedNever = "no"
	bridgedOrNot = "any"
)

func (p *Parser) audience(key string, n *yaml.Node) {
	a := &p.Audience
	p.Mapping(key, n, map[string]Field{
		"bridged": func(key string, n *yaml.Node) {
			v, ok := p.Scalar(key, n)
			if !ok {
				return
			}
			switch v {
			case "true", "yes":
				a.Bridged = BridgedOnly
			case "false", "no":
				a.Bridged = bridgedNever
			case bridgedOrNot:
				a.Bridged = bridgedOrNot
			default:
				p.Complain(key, wxcast.Say("spec.no_bridged", "value", v), wxcast.Say("spec.want_bridged"))
			}
		},
		"tags": p.Section(map[string]Field{"any": p.tags(&a.TagsAny), "all": p.tags(&a.TagsAll),
			"none": p.tags(&a.TagsNone)}),
		"scenes":          p.texts(&a.Scenes),
		"followed_after":  p.time(&a.FollowedAfter),
		"followed_before": p.time(&a.FollowedBefore),
		"in":              func(key string, n *yaml.Node) { a.In = p.list(key, n) },
		"not_in": func(key string, n *yaml.Node) {
			for _, n := range elements(n) {
				if l := p.list(key, n); l != nil {
					a.NotIn = append(a.NotIn, l)
				}
			}
		},
		"not_messaged":       p.duration(time.Minute, 365*day, "not_messaged: 7d", &a.NotMessaged),
		"sample":             p.share(&a.Sample),
		"limit":              p.whole(1, 1<<40, "spec.recipients", "limit: 1000", func(i int64) { a.Limit = i }),
		"exclude_broadcasts": p.texts(&a.ExcludeBroadcasts),
	})
	if !a.FollowedAfter.IsZero() && !a.FollowedBefore.IsZero() && !a.FollowedAfter.Before(a.FollowedBefore) {
		p.Complain(key+".followed_before", wxcast.Say("spec.followed_round"), wxcast.Say("spec.turn_round"))
	}
}

// What to do about values that a spreadsheet has damaged.
const (
	refuseDamaged = "refuse"
	keepDamaged   = "keep"
)

// list reads a CSV's name, or {file: …, by: …, damaged: …}.
func (p *Parser) list(key string, n *yaml.Node) *ListFile {
	l := &ListFile{key: key}
	if n.Kind == yaml.MappingNode {
		p.Mapping(key, n, map[string]Field{"file": p.String(&l.File), "by": func(key string, n *yaml.Node) {
			if v, ok := p.Scalar(key, n); ok {
				if l.By = wxcast.ListKind(v); !slices.Contains(listKinds, l.By) {
					p.Complain(key, wxcast.Say("spec.no_id_kind", "value", v),
						wxcast.Say("spec.write_one", "known", listKinds))
				}
			}
		}, "damaged": func(key string, n *yaml.Node) {
			v, ok := p.Scalar(key, n)
			if l.KeepDamaged = ok && v == keepDamaged; ok && v != keepDamaged && v != refuseDamaged {
				p.Complain(key, wxcast.Say("spec.no_damaged", "value", v),
					wxcast.Say("spec.write_one", "known", []string{refuseDamaged, keepDamaged}))
			}
		}})
	} else {
		p.String(&l.File)(key, n)
	}
	if l.File == "" && len(p.bad) == 0 {
		p.Complain(key, wxcast.Say("spec.no_file"), example("people.csv"))
	}
	return l
}

// AudienceStore is where an audience's broadcasts and lists are found.
type AudienceStore interface {
	BroadcastsByName(ctx context.Context, accountID int64, name string) ([]wxcast.Broadcast, error)
	Broadcast(ctx context.Context, ref wxcast.BroadcastRef) (wxcast.Broadcast, error)
	ListStore
}

// Resolve turns what the spec asks for into what the store can answer: times instead
// of lengths of time, lists that are loaded, broadcasts by their number. It reads the
// CSVs that the spec names; faults in them are *wxcast.BadInput.
func (s *Spec) Resolve(ctx context.Context, store AudienceStore, accountID, miniID int64,
	now time.Time) (a wxcast.Audience, err error) {
	from := s.Audience
	a = wxcast.Audience{
		MiniID: miniID, TagsAny: from.TagsAny, TagsAll: from.TagsAll, TagsNone: from.TagsNone, Scenes: from.Scenes,
		FollowedFrom: from.FollowedAfter, FollowedUntil: from.FollowedBefore, Sample: from.Sample, Salt: s.Name,
		Limit: from.Limit,
	}
	if from.Bridged != bridgedOrNot {
		bridged := from.Bridged != bridgedNever
		a.Bridged = &bridged
	}
	if from.NotMessaged > 0 {
		a.NotMessagedSince = now.Add(-from.NotMessaged)
	}
	for _, name := range from.ExcludeBroadcasts {
		ids, err := s.broadcastsCalled(ctx, store, accountID, name)
		if err != nil {
			return a, err
		}
		a.NotOfBroadcasts = append(a.NotOfBroadcasts, ids...)
	}
	for _, l := range from.NotIn {
		list, err := l.load(ctx, store, s, accountID)
		if err != nil {
			return a, err
		}
		a.NotIn = append(a.NotIn, list.ListRef)
	}
	if from.In != nil {
		list, err := from.In.load(ctx, store, s, accountID)
		if err != nil {
			return a, err
		}
		a.In = &list.ListRef
	}
	return a, nil
}

// broadcastsCalled finds the account's broadcasts by a name or a number.
func (s *Spec) broadcastsCalled(ctx context.Context, store AudienceStore, accountID int64, name string) (ids []int64,
	err error) {
	all, err := store.BroadcastsByName(ctx, accountID, name)
	if err != nil {
		return nil, err
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && len(all) == 0 {
		if b, err := store.Broadcast(ctx, wxcast.BroadcastRef{AccountID: accountID, ID: id}); err == nil {
			all = append(all, b)
		}
	}
	for _, b := range all {
		if !b.EmptiedAt.IsZero() {
			return nil, s.Bad("audience.exclude_broadcasts", wxcast.Say("spec.emptied_broadcast", "id", b.ID,
				"at", b.EmptiedAt), wxcast.Say("spec.want_list_instead"))
		}
		ids = append(ids, b.ID)
	}
	if len(ids) == 0 {
		return nil, s.Bad("audience.exclude_broadcasts", wxcast.Say("spec.no_such_broadcast", "name", name),
			wxcast.Say("spec.want_broadcast"))
	}
	return ids, nil
}
