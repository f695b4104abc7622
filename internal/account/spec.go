package account

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/value"
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
func (o Overrides) apply(s *spec.Spec) error {
	if o.OnBadValue != "" {
		if s.OnBadValue = spec.OnBadValue(o.OnBadValue); !slices.Contains(spec.OnBadValues, s.OnBadValue) {
			return invalid("on_bad_value", o.OnBadValue, spec.OnBadValues)
		}
	}
	if o.OnUnknown != "" {
		if s.OnUnknown = spec.OnUnknown(o.OnUnknown); !slices.Contains(spec.OnUnknowns, s.OnUnknown) {
			return invalid("on_unknown", o.OnUnknown, spec.OnUnknowns)
		}
	}
	if o.Rate != 0 {
		if err := CheckRate(o.Rate); err != nil {
			return err
		}
		s.Rate = o.Rate
	}
	return nil
}

// CheckRate refuses what is no number of messages per second.
func CheckRate(rate float64) error {
	if rate >= value.RateMin && rate <= value.RateMax {
		return nil
	}
	return &wxcast.BadInput{
		Key: "rate", Problem: wxcast.Say("input.rate", "value", rate, "low", value.RateMin, "high", value.RateMax),
		Want: wxcast.Say("input.example", "example", "50"),
	}
}

// invalid says that a value is none of those that there are.
func invalid[T ~string](key, value string, known []T) error {
	return &wxcast.BadInput{Key: key, Problem: wxcast.Say("input.invalid", "value", value),
		Want: wxcast.Say("input.use", "known", known)}
}

// Spec is a spec that was read, with its lists looked at.
type Spec struct{ *spec.Spec }

// ReadSpec reads a spec and looks at the lists that it names. All mistakes are
// *wxcast.BadInput.
func ReadSpec(f SpecFile) (Spec, error) {
	name := f.Path
	if f.Sent {
		name = filepath.Base(f.Path)
	}
	raw, err := os.ReadFile(f.Path)
	if err != nil {
		return Spec{}, &wxcast.BadInput{File: name, Problem: wxcast.Say("input.unreadable"),
			Want: wxcast.Say("input.want_yaml")}
	}
	s, err := parse(name, raw)
	if err != nil {
		return Spec{}, err
	}
	open := s.OpenFiles
	if f.Sent {
		open = s.OpenUploadedFiles
	}
	if err := errors.Join(open(filepath.Dir(f.Path)), f.apply(s)); err != nil {
		return Spec{}, err
	}
	return Spec{s}, nil
}

// parse reads a spec with the channels that there are.
func parse(name string, raw []byte) (*spec.Spec, error) {
	return spec.Parse(name, raw, forms...)
}

// At tells a mistake of the configuration's names where the spec made it.
func (s Spec) At(key string, err error) error {
	var unknown *config.Error
	if s.Spec == nil || !errors.As(err, &unknown) {
		return err
	}
	return s.Bad(key, unknown.Said(), unknown.Want)
}

// own refuses a spec that names another account.
func (a *Account) own(s Spec) error {
	if s.Account == "" || s.Account == a.Name() {
		return nil
	}
	return s.Bad("account", wxcast.Say("spec.other_account", "account", s.Account, "this", a.Name()),
		wxcast.Say("spec.want_this_account"))
}

// sendOptions are the spec's, and the configuration's where it does not say.
func (a *Account) sendOptions(s Spec) broadcast.Options {
	c := a.cfg.Broadcast
	o := broadcast.Options{
		Rate: c.Rate, Priority: s.Priority, Concurrency: c.Concurrency, QuotaKeep: c.QuotaKeep,
		Reserve:     a.cfg.ReserveMessages,
		MaxFailures: c.MaxFailures, MaxFailedShare: c.MaxFailedShare, MaxRefusedShare: c.MaxRefusedShare,
		NotAfter: s.NotAfter, Canary: s.Canary, OnUnknown: s.OnUnknown, Log: a.log,
		Cap: wxcast.FrequencyCap{Day: lower(c.CapDay, s.Cap.Day), Week: lower(c.CapWeek, s.Cap.Week)},
	}
	if s.Rate > 0 {
		o.Rate = s.Rate
	}
	if s.QuotaKeep >= 0 {
		o.QuotaKeep = s.QuotaKeep
	}
	if s.IgnoreQuiet {
		return o
	}
	configured, _ := value.ParseQuietHours(c.QuietHours) // checked with the configuration; "" is none
	for _, q := range []value.QuietHours{s.Quiet, configured} {
		if q != (value.QuietHours{}) {
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
