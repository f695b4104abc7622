package account

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/visit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// GoalRequest says that a person did what the company wants.
type GoalRequest struct {
	To     string // openid, unionid or mini_openid
	Goal   string // such as "order"
	Amount string // such as "12.50"; "" for none
	At     string // RFC 3339 or a Beijing time; "" for now
	Key    string // the caller's own name of it: told again with it, it counts once; "" for none
}

var (
	goalName   = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]{0,63}$`)
	goalAmount = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,2})?$`)
)

// goalOld is how long ago what people did may be.
const goalOld = 400 * 24 * time.Hour

func (r GoalRequest) parse(now time.Time) (g wxcast.Goal, err error) {
	var bad []error
	say := func(key, code, want string, pairs ...any) {
		bad = append(bad, &wxcast.BadInput{Key: key, Problem: wxcast.Say(code, pairs...), Want: wxcast.Say(want)})
	}
	if r.To == "" || len(r.To) > idMax || strings.ContainsFunc(r.To, notOfID) {
		say("to", "message.no_id", "message.want_to")
	}
	if !goalName.MatchString(r.Goal) {
		say("goal", "spec.no_name", "spec.want_name_form", "value", r.Goal)
	}
	if len(r.Key) > messageKeyMax || strings.ContainsFunc(r.Key, notOfID) {
		say("key", "message.no_key", "message.want_key", "most", messageKeyMax)
	}
	g = wxcast.Goal{Name: r.Goal, Key: r.Key, At: now}
	if r.Amount != "" && !goalAmount.MatchString(r.Amount) {
		say("amount", "goals.no_amount", "goals.want_amount", "value", r.Amount)
	} else if r.Amount != "" {
		whole, part, _ := strings.Cut(r.Amount, ".")
		g.Amount, _ = strconv.ParseInt(whole+(part + "00")[:2], 10, 64) // of digits alone
	}
	if r.At != "" {
		switch at, err := spec.ParseTime(r.At); {
		case err != nil:
			say("at", "input.time", "input.want_time", "value", r.At)
		case at.After(now.Add(time.Minute)) || at.Before(now.Add(-goalOld)):
			say("at", "goals.far_away", "goals.want_time", "value", r.At)
		default:
			g.At = at.UTC()
		}
	}
	return g, errors.Join(bad...)
}

// AddGoals keeps what people did, and returns for each why it was not kept; nil where it is, or
// was before.
func (a *Account) AddGoals(ctx context.Context, all []GoalRequest) (added int64, refused []error, err error) {
	refused = make([]error, len(all))
	goals, now := make([]wxcast.Goal, len(all)), a.db.Now()
	var ids []string
	for i, r := range all {
		if goals[i], refused[i] = r.parse(now); refused[i] == nil {
			ids = append(ids, r.To)
		}
	}
	var people map[string]wxcast.Delivery
	if len(ids) > 0 {
		if people, err = a.whoIs(ctx, ids); err != nil {
			return 0, nil, err
		}
	}
	var good []wxcast.Goal
	for i, r := range all {
		if refused[i] != nil {
			continue
		}
		d, ok := people[r.To]
		if !ok {
			refused[i] = &wxcast.BadInput{Key: "to", Problem: wxcast.Say("message.nobody", "id", r.To),
				Want: wxcast.Say("message.want_somebody")}
			continue
		}
		goals[i].OpenID, goals[i].MiniOpenID = d.OpenID, d.MiniOpenID
		good = append(good, goals[i])
	}
	if len(good) > 0 {
		added, err = a.db.AddGoals(ctx, a.ID, good)
	}
	return added, refused, err
}

// whoIs finds the people who have some ids, with their mini_openid in whichever of the account's
// mini programs knows them. Who has left is a follower still: what they were sent may have brought
// them.
func (a *Account) whoIs(ctx context.Context, ids []string) (map[string]wxcast.Delivery, error) {
	minis, err := a.minis(ctx)
	if err != nil {
		return nil, err
	}
	of := []int64{0} // who is known as a follower alone
	for _, m := range minis {
		of = append(of, m.ID)
	}
	people := map[string]wxcast.Delivery{}
	for _, mini := range of {
		found, err := a.db.FindRecipients(ctx, a.ID, mini, ids)
		if err != nil {
			return nil, err
		}
		var loose []wxcast.MiniOpenID // to whom no bridge leads
		for _, d := range found {
			if d.OpenID == "" {
				loose = append(loose, d.MiniOpenID)
			}
		}
		var left map[wxcast.MiniOpenID][]wxcast.OpenID
		if len(loose) > 0 {
			if left, err = a.db.FollowersOf(ctx, a.ID, mini, loose); err != nil {
				return nil, err
			}
		}
		for id, d := range found {
			if were := left[d.MiniOpenID]; len(were) == 1 {
				d.OpenID = were[0]
			}
			if before, ok := people[id]; !ok || before.MiniOpenID == "" {
				people[id] = d
			}
		}
	}
	return people, nil
}

// VisitRow is a line of visits that a company has logged itself.
type VisitRow struct {
	MiniOpenID, Mark, At, Scene string
}

// AddVisit counts a visit that a company has logged itself, by the mini program that the account
// has, or the one with an appid.
func (a *Account) AddVisit(ctx context.Context, miniAppID string, r VisitRow) (counted bool, err error) {
	_, miniID, err := a.MiniProgram(ctx, miniAppID)
	if err != nil {
		return false, err
	}
	came := visit.Came{AccountID: a.ID, MiniID: miniID, Who: wxcast.MiniOpenID(r.MiniOpenID), At: a.db.Now()}
	if !wxcast.ValidID(r.MiniOpenID) {
		return false, &wxcast.BadInput{Key: "mini_openid", Problem: wxcast.Say("message.no_id")}
	}
	if came.Of, came.To, err = visit.Read(r.Mark); err != nil {
		return false, &wxcast.BadInput{Key: visit.Param, Problem: wxcast.Say("visits.no_mark")}
	}
	if r.At != "" {
		if came.At, err = spec.ParseTime(r.At); err != nil {
			return false, &wxcast.BadInput{Key: "at", Problem: wxcast.Say("input.time", "value", r.At),
				Want: wxcast.Say("input.want_time")}
		}
	}
	if r.Scene != "" {
		if came.Scene, err = strconv.Atoi(r.Scene); err != nil || came.Scene < 0 || came.Scene > 9999 {
			return false, &wxcast.BadInput{Key: "scene", Problem: wxcast.Say("visits.no_scene", "value", r.Scene)}
		}
	}
	return visit.Count(ctx, a.db, came)
}
