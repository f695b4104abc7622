package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// specFlags change what a spec says, for one command.
type specFlags struct {
	rate       float64
	onBadValue string
	onUnknown  string
}

func (f *specFlags) add(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.rate, "rate", 0, "messages per second, whatever the spec says")
	cmd.Flags().StringVar(&f.onBadValue, "on-bad-value", "", "what to do about a value that WeChat would refuse: stop, skip or truncate")
}

// addSending adds the flags of commands that send a whole broadcast.
func (f *specFlags) addSending(cmd *cobra.Command) {
	f.add(cmd)
	cmd.Flags().StringVar(&f.onUnknown, "on-unknown", "", "what to do about a message whose outcome was lost for good: skip or resend")
}

// apply puts the flags on top of what the spec says.
func (f specFlags) apply(spec *broadcast.Spec) error {
	var ok bool
	if f.onBadValue != "" {
		if spec.OnBadValue, ok = broadcast.ParseOnBadValue(f.onBadValue); !ok {
			return &wxcast.BadInput{Key: "--on-bad-value", Problem: wxcast.Plain(fmt.Sprintf("%q is no way to treat a value", f.onBadValue)), Want: wxcast.Plain("write stop, skip or truncate")}
		}
	}
	if f.onUnknown != "" {
		if spec.OnUnknown, ok = broadcast.ParseOnUnknown(f.onUnknown); !ok {
			return &wxcast.BadInput{Key: "--on-unknown", Problem: wxcast.Plain(fmt.Sprintf("%q is no way to treat a lost outcome", f.onUnknown)), Want: wxcast.Plain("write skip or resend")}
		}
	}
	if f.rate > 0 {
		spec.Rate = f.rate
	}
	return nil
}

// loadSpec reads a spec and looks at the lists that it names, with the flags on top.
func (a *app) loadSpec(cmd *cobra.Command, file string, f specFlags) (*broadcast.Spec, error) {
	if cmd.Flags().Changed("rate") {
		if err := checkRate("--rate", f.rate); err != nil {
			return nil, err
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, &wxcast.BadInput{File: file, Problem: wxcast.Plain("cannot be read"), Want: wxcast.Plain("name a YAML file that exists")}
	}
	spec, err := broadcast.ParseSpec(file, raw)
	if err != nil {
		return nil, err
	}
	if err := spec.OpenLists(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if err := f.apply(spec); err != nil {
		return nil, err
	}
	if a.account == "" && spec.Account != "" {
		a.account, a.spec = spec.Account, spec
	}
	return spec, nil
}

// atKey tells a mistake of the configuration's names where a spec made it.
func atKey(spec *broadcast.Spec, key string, err error) error {
	var unknown *config.Error
	if spec == nil || !errors.As(err, &unknown) {
		return err
	}
	return spec.Bad(key, strings.TrimPrefix(fmt.Sprintf("%q %s", unknown.Value, unknown.Problem), `"" `), unknown.Want)
}

func checkRate(key string, rate float64) error {
	if !(rate >= 0.01 && rate <= 100_000) {
		return &wxcast.BadInput{Key: key, Problem: wxcast.Plain(fmt.Sprintf("%v is not a number of messages per second from 0.01 to 100000", rate)), Want: wxcast.Plain("write for example --rate 50")}
	}
	return nil
}

// checkedSpec is a spec that fits the account and its templates.
type checkedSpec struct {
	*broadcast.Spec
	mini   wxcast.AppID
	miniID int64
}

func (s *session) checkSpec(ctx context.Context, spec *broadcast.Spec) (checkedSpec, error) {
	mini, miniID, err := s.miniProgram(ctx, spec.MiniAppID)
	if err != nil {
		return checkedSpec{}, atKey(spec, "miniprogram.appid", err)
	}
	templates, err := s.client.ListTemplates(ctx)
	if err != nil {
		return checkedSpec{}, fmt.Errorf("ask WeChat for the account's templates: %w", err)
	}
	if bad := broadcast.CheckTemplate(spec, templates); len(bad) > 0 {
		return checkedSpec{}, errors.Join(bad...)
	}
	return checkedSpec{spec, wxcast.AppID(mini.AppID), miniID}, nil
}

// rules are WeChat's, told with an account's first broadcast. Source: "Template Message
// Interface" of the official account's documentation, read 2026-11-20.
const rules = `WeChat allows template messages as service notices that the person triggered or
agreed to, not for marketing, and advises against great numbers at once. It may hold or
refuse such messages (40249, 40252, 43116), delete the template, or ban the interface
(48004). This is told once. 模板消息仅限用户触发或同意的服务通知，不可用于营销；违规可能被拦截、删除模板或封禁接口。`

// asker is who asked for a broadcast.
type asker struct {
	// say tells them something beside the result.
	say func(format string, args ...any)
	// confirm asks for a yes before a large broadcast; nil where nobody is there to ask,
	// or has said yes.
	confirm func(question string) error
	// watches tells that they wait for numbers; a program does not.
	watches bool
}

// asker is who sits at the command line. yes is what they said in advance.
func (a *app) asker(yes bool) asker {
	who := asker{say: a.say, confirm: a.confirm, watches: a.Terminal || !yes}
	if yes {
		who.confirm = nil
	}
	return who
}

// tellRules tells WeChat's rules with the first broadcast of an account.
func (s *session) tellRules(ctx context.Context, who asker) error {
	earlier, err := s.db.BroadcastsAtWork(ctx, s.accountID, time.Unix(0, 0), s.db.Now())
	if err == nil && len(earlier) == 0 {
		who.say("%s", rules)
	}
	return err
}

// prepare finds out whom a new broadcast goes to, looks at every value of theirs, and
// asks for a yes where that is called for.
func (s *session) prepare(ctx context.Context, spec checkedSpec, who asker) (wxcast.Audience, error) {
	audience, err := spec.Resolve(ctx, s.db, s.accountID, spec.miniID, s.db.Now())
	if err != nil {
		return audience, err
	}
	message, err := broadcast.NewMessage(spec.Spec, spec.mini, "")
	if err != nil {
		return audience, err
	}
	found, err := broadcast.Check(ctx, s.db, spec.Spec, message, s.accountID, audience, 0)
	if err != nil {
		return audience, err
	}
	if found.Bad > 0 && spec.OnBadValue == broadcast.SkipBadValue {
		who.say("%s of %s recipients are left out: their values do not fit the template.", count(found.Bad), count(found.Recipients))
	}
	if err := s.tellRules(ctx, who); err != nil {
		return audience, err
	}
	return audience, s.confirmBroadcast(ctx, spec.Name, audience, who)
}

// confirmBroadcast asks for a yes before a large new broadcast, and refuses one to nobody.
func (s *session) confirmBroadcast(ctx context.Context, name string, audience wxcast.Audience, who asker) error {
	if !who.watches { // need not wait for a number either
		if some, err := s.db.Followers(ctx, s.accountID, audience, "", 1); err != nil || len(some) > 0 {
			return err
		}
	}
	n, err := s.db.CountAudience(ctx, s.accountID, audience)
	if err != nil {
		return err
	}
	s.recipients = n.Recipients
	if n.Recipients == 0 {
		if len(n.Out) > 0 && n.Followers > 0 {
			last := n.Out[len(n.Out)-1]
			return &wxcast.BadInput{Problem: wxcast.Plain(fmt.Sprintf("nobody would get it: of %s followers, the last %s are out by %q", count(n.Followers), count(last.N), last.Reason)),
				Want: wxcast.Plain("run wxcast broadcast preview to see who is out and why; nobody bridged means: run wxcast sync, wxcast import and wxcast join first")}
		}
		return &wxcast.BadInput{Problem: wxcast.Plain("nobody is bridged, so there is nobody to send to"), Want: wxcast.Plain("run wxcast sync, wxcast import and wxcast join first")}
	}
	if who.confirm == nil || n.Recipients <= s.cfg.Broadcast.ConfirmAbove {
		return nil
	}
	return who.confirm(fmt.Sprintf("Send %q to %s people? Messages cannot be recalled, and WeChat punishes marketing.", name, count(n.Recipients)))
}

// sendOptions are the spec's, and the configuration's where it does not say.
func (s *session) sendOptions(spec *broadcast.Spec) broadcast.Options {
	c := s.cfg.Broadcast
	o := broadcast.Options{
		Rate: c.Rate, Priority: spec.Priority, Concurrency: c.Concurrency, QuotaKeep: c.QuotaKeep, MaxFailures: c.MaxFailures, MaxFailedShare: c.MaxFailedShare,
		NotAfter: spec.NotAfter, Canary: spec.Canary, OnUnknown: spec.OnUnknown, Log: s.log,
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
