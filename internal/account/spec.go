package account

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// SpecFile is a spec as a file, with the lists that it names beside it.
type SpecFile struct {
	Path string
	// Sent: a stranger sent it with its lists, and its folder is all that it may name files of.
	Sent bool
	Overrides
}

// Overrides are what a person asks for on top of a spec; zero values leave what it says.
type Overrides struct {
	Rate       float64 // messages per second
	OnBadValue string
	OnUnknown  string
}

// apply puts them on top of what the spec says.
func (o Overrides) apply(spec *broadcast.Spec) error {
	var ok bool
	if o.OnBadValue != "" {
		if spec.OnBadValue, ok = broadcast.ParseOnBadValue(o.OnBadValue); !ok {
			return invalid("on_bad_value", o.OnBadValue, broadcast.StopAtBadValue, broadcast.SkipBadValue, broadcast.TruncateBadValue)
		}
	}
	if o.OnUnknown != "" {
		if spec.OnUnknown, ok = broadcast.ParseOnUnknown(o.OnUnknown); !ok {
			return invalid("on_unknown", o.OnUnknown, broadcast.SkipUnknown, broadcast.ResendUnknown)
		}
	}
	if o.Rate != 0 {
		if !(o.Rate >= rateMin && o.Rate <= rateMax) {
			return badRate(o.Rate)
		}
		spec.Rate = o.Rate
	}
	return nil
}

// rateMin and rateMax bound messages per second.
const (
	rateMin = 0.01
	rateMax = 100_000
)

// CheckRate refuses what is no number of messages per second.
func CheckRate(rate float64) error {
	if rate >= rateMin && rate <= rateMax {
		return nil
	}
	return badRate(rate)
}

func badRate(rate float64) error {
	return &wxcast.BadInput{
		Key: "rate", Problem: wxcast.Say("input.rate", "value", rate, "low", rateMin, "high", rateMax),
		Want: wxcast.Say("input.example", "example", "50"),
	}
}

// invalid says that a value is none of those that there are.
func invalid[T ~string](key, value string, known ...T) error {
	return &wxcast.BadInput{Key: key, Problem: wxcast.Say("input.invalid", "value", value), Want: wxcast.Say("input.use", "known", known)}
}

// Spec is a spec that was read, with its lists looked at.
type Spec struct{ *broadcast.Spec }

// ReadSpec reads a spec and looks at the lists that it names. All mistakes are
// *wxcast.BadInput.
func ReadSpec(f SpecFile) (Spec, error) {
	name := f.Path
	if f.Sent {
		name = filepath.Base(f.Path)
	}
	raw, err := os.ReadFile(f.Path)
	if err != nil {
		return Spec{}, &wxcast.BadInput{File: name, Problem: wxcast.Say("input.unreadable"), Want: wxcast.Say("input.want_yaml")}
	}
	spec, err := broadcast.ParseSpec(name, raw)
	if err != nil {
		return Spec{}, err
	}
	open := spec.OpenLists
	if f.Sent {
		open = spec.OpenUploadedLists
	}
	if err := errors.Join(open(filepath.Dir(f.Path)), f.apply(spec)); err != nil {
		return Spec{}, err
	}
	return Spec{spec}, nil
}

// At tells a mistake of the configuration's names where the spec made it.
func (s Spec) At(key string, err error) error {
	var unknown *config.Error
	if s.Spec == nil || !errors.As(err, &unknown) {
		return err
	}
	bad := s.Bad(key, "", "")
	bad.Problem, bad.Want = wxcast.Plain(unknown.Said()), wxcast.Plain(unknown.Want)
	return bad
}

// own refuses a spec that names another account.
func (a *Account) own(s Spec) error {
	if s.Account == "" || s.Account == a.Name() {
		return nil
	}
	bad := s.Bad("account", "", "")
	bad.Problem, bad.Want = wxcast.Say("spec.other_account", "account", s.Account, "this", a.Name()), wxcast.Say("spec.want_this_account")
	return bad
}

// checkedSpec is a spec that fits the account and its templates.
type checkedSpec struct {
	Spec
	mini   wxcast.AppID
	miniID int64
}

// check holds a spec against the account and WeChat's templates.
func (a *Account) check(ctx context.Context, s Spec) (checkedSpec, error) {
	if err := errors.Join(a.needCalls(), a.own(s)); err != nil {
		return checkedSpec{}, err
	}
	mini, miniID, err := a.MiniProgram(ctx, s.MiniAppID)
	if err != nil {
		return checkedSpec{}, s.At("miniprogram.appid", err)
	}
	templates, err := a.client.ListTemplates(ctx)
	if err != nil {
		return checkedSpec{}, fmt.Errorf("ask WeChat for the account's templates: %w", err)
	}
	if bad := broadcast.CheckTemplate(s.Spec, templates); len(bad) > 0 {
		return checkedSpec{}, errors.Join(bad...)
	}
	return checkedSpec{s, wxcast.AppID(mini.AppID), miniID}, nil
}

// stored is the spec that a broadcast was stored with. Its lists are in the store, and its
// mini program is the one that it was made for, whatever the configuration says by now.
func (a *Account) stored(ctx context.Context, b wxcast.Broadcast) (checkedSpec, error) {
	spec, err := broadcast.ParseSpec(fmt.Sprintf("broadcast-%d.yaml", b.ID), []byte(b.Spec))
	if err != nil {
		return checkedSpec{}, err
	}
	mini, err := a.db.AppID(ctx, b.MiniID)
	return checkedSpec{Spec{spec}, mini, b.MiniID}, err
}

// sendOptions are the spec's, and the configuration's where it does not say.
func (a *Account) sendOptions(spec Spec) broadcast.Options {
	c := a.cfg.Broadcast
	o := broadcast.Options{
		Rate: c.Rate, Priority: spec.Priority, Concurrency: c.Concurrency, QuotaKeep: c.QuotaKeep,
		MaxFailures: c.MaxFailures, MaxFailedShare: c.MaxFailedShare,
		NotAfter: spec.NotAfter, Canary: spec.Canary, OnUnknown: spec.OnUnknown, Log: a.log,
		Cap: wxcast.FrequencyCap{Day: lower(c.CapDay, spec.Cap.Day), Week: lower(c.CapWeek, spec.Cap.Week)},
	}
	if spec.Rate > 0 {
		o.Rate = spec.Rate
	}
	if spec.QuotaKeep >= 0 {
		o.QuotaKeep = spec.QuotaKeep
	}
	configured, _ := broadcast.ParseQuietHours(c.QuietHours) // checked with the configuration; "" is none
	for _, q := range []broadcast.QuietHours{spec.Quiet, configured} {
		if q != (broadcast.QuietHours{}) {
			o.Quiet = append(o.Quiet, q)
		}
	}
	return o
}

// lower is the lower of two bounds, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
