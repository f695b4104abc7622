package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Channels are the facts of all channels that there are.
var Channels = []wxcast.Channel{template.Facts, subscribe.Facts, service.Facts, notice.Facts}

// forms are how a spec speaks to each; the first one's keys may stand in the spec itself.
var forms = []spec.Form{template.Form{}, subscribe.Form{}, service.Form{}, notice.Form{}}

// channelOf are a channel's facts, by its name.
func channelOf(name string) wxcast.Channel {
	i := slices.IndexFunc(Channels, func(c wxcast.Channel) bool { return c.Name == name })
	return Channels[i] // specs name no other
}

// cost is what a message by a channel costs, where the spec prefers what is cheap: one within a
// window costs nothing, a template message quota, a subscribe message a consent.
func cost(channel string) int {
	switch channelOf(channel).Right {
	case wxcast.RightWindow:
		return 0
	case wxcast.RightPermit:
		return 2
	}
	return 1
}

// partSays is what a spec's part says that the account must know.
type partSays struct {
	templateID string
	miniAppID  string
	miniKey    string // the key of that
}

func saysOf(p spec.Part) partSays {
	switch c := p.Content.(type) {
	case *template.Content:
		return partSays{c.TemplateID, c.MiniAppID, "miniprogram.appid"}
	case *subscribe.Content:
		return partSays{c.TemplateID, c.MiniAppID, "appid"}
	case *notice.Content:
		return partSays{c.TemplateID, c.MiniAppID, "miniprogram.appid"}
	case *service.Content:
		return partSays{"", c.MiniAppID, "appid"}
	}
	return partSays{}
}

// checkedSpec is a spec that fits the account and its templates.
type checkedSpec struct {
	Spec
	parts  []spec.Part // in the order in which they are tried
	mini   wxcast.AppID
	miniID int64
	// allowed are the values that keys have which have no others, by channel.
	allowed map[string]map[string][]string
}

// check holds a spec against the account and WeChat's templates.
func (a *Account) check(ctx context.Context, s Spec) (checkedSpec, error) {
	c := checkedSpec{Spec: s, parts: s.InOrder(cost), allowed: map[string]map[string][]string{}}
	if err := errors.Join(a.needCalls(), a.own(s)); err != nil {
		return c, err
	}
	mini, err := a.miniOf(s)
	if err != nil {
		return c, err
	}
	if c.miniID, err = a.db.EnsureApp(ctx, wxcast.AppID(mini.AppID), wxcast.KindMiniProgram); err != nil {
		return c, err
	}
	c.mini = wxcast.AppID(mini.AppID)
	for _, p := range c.parts {
		if err := a.checkPart(ctx, &c, p, mini); err != nil {
			return c, err
		}
	}
	return c, nil
}

// miniOf is the mini program that a spec is about: its parts name one, or the account has one.
func (a *Account) miniOf(s Spec) (config.MiniProgram, error) {
	appid, key := "", ""
	for _, p := range s.Parts {
		says := saysOf(p)
		if says.miniAppID == "" {
			continue
		}
		if appid != "" && says.miniAppID != appid {
			return config.MiniProgram{}, p.Bad(s.Spec, says.miniKey, wxcast.Say("spec.two_minis", "one", appid, "other",
				says.miniAppID), wxcast.Say("spec.want_one_mini"))
		}
		appid, key = says.miniAppID, p.Key(says.miniKey)
	}
	mini, err := a.Config.MiniProgram(appid)
	if err != nil && key == "" {
		key = s.Parts[0].Key(saysOf(s.Parts[0]).miniKey)
	}
	return mini, s.At(key, err)
}

func (a *Account) checkPart(ctx context.Context, c *checkedSpec, p spec.Part, mini config.MiniProgram) error {
	switch p.Channel {
	case template.Name:
		templates, err := listOf(ctx, &a.lists, template.Name, a.client.ListTemplates)
		if err != nil {
			return fmt.Errorf("ask WeChat for the account's templates: %w", err)
		}
		return errors.Join(template.CheckTemplate(c.Spec.Spec, p, templates)...)
	case subscribe.Name:
		client, err := a.miniClient(mini)
		if err != nil {
			return err
		}
		templates, err := listOf(ctx, &a.lists, client, client.ListSubscribeTemplates)
		if err != nil {
			return fmt.Errorf("ask WeChat for the mini program's templates: %w", err)
		}
		c.allowed[p.Channel] = subscribe.Allowed(p, templates)
		return errors.Join(append(subscribe.CheckTemplate(c.Spec.Spec, p, templates),
			a.notePermitKind(ctx, c.miniID, saysOf(p).templateID, templates))...)
	case notice.Name:
		templates, err := listOf(ctx, &a.lists, a.client, a.client.ListSubscribeTemplates)
		if err != nil {
			return fmt.Errorf("ask WeChat for the account's templates of subscription notices: %w", err)
		}
		c.allowed[p.Channel] = notice.Allowed(p, templates)
		return errors.Join(append(notice.CheckTemplate(c.Spec.Spec, p, templates),
			a.notePermitKind(ctx, a.ID, saysOf(p).templateID, templates))...)
	}
	return nil
}

// notePermitKind notes what a consent to a template allows: one message, or as many as there are.
func (a *Account) notePermitKind(ctx context.Context, appID int64, templateID string,
	templates []wechat.SubscribeTemplate) error {
	for _, t := range templates {
		if t.ID == templateID && t.Kind != wxcast.PermitOnce {
			return a.db.SetPermitKind(ctx, a.ID, appID, templateID, t.Kind)
		}
	}
	return nil
}

// stored is the spec that a broadcast was stored with. Its lists are in the store, and its
// mini program is the one that it was made for, whatever the configuration says by now.
func (a *Account) stored(ctx context.Context, b wxcast.Broadcast) (checkedSpec, error) {
	read := spec.Parse
	if b.OfMessages() {
		read = spec.ParseMessage
	}
	s, err := read(fmt.Sprintf("broadcast-%d.yaml", b.ID), []byte(b.Spec), forms...)
	if err != nil {
		return checkedSpec{}, err
	}
	c := checkedSpec{Spec: Spec{s}, parts: s.InOrder(cost), miniID: b.MiniID}
	c.mini, err = a.db.AppID(ctx, b.MiniID)
	return c, err
}

// channels are the ways that a spec's broadcast goes.
func (a *Account) channels(c checkedSpec) (all []wxcast.BroadcastChannel) {
	of := wxcast.Broadcast{AccountID: a.ID, MiniID: c.miniID}
	for _, p := range c.parts {
		facts := channelOf(p.Channel)
		all = append(all, wxcast.BroadcastChannel{Name: facts.Name, Lane: facts.Lane(of),
			TemplateID: saysOf(p).templateID})
	}
	return all
}

// reach says how the channels lead to a person, where it is not by following alone.
func (c checkedSpec) reach(a *wxcast.Audience, accountID int64) {
	if len(c.parts) == 1 && c.parts[0].Channel == template.Name {
		return
	}
	of := wxcast.Broadcast{AccountID: accountID, MiniID: c.miniID}
	anybody := false // followers are looked for whom the mini program does not know
	for _, p := range c.parts {
		facts := channelOf(p.Channel)
		ofMini := facts.App == wxcast.KindMiniProgram
		a.Reach = append(a.Reach, wxcast.Reach{Channel: facts.Name, Right: facts.Right, AppID: facts.Lane(of).AppID,
			OfMini: ofMini, TemplateID: saysOf(p).templateID})
		a.MiniUsers = a.MiniUsers || ofMini && c.Audience.Bridged != spec.BridgedOnly
		anybody = anybody || facts.Right == wxcast.RightWindow
	}
	if anybody && c.Audience.Bridged == "" {
		a.Bridged = nil
	}
}

// writers write a checked spec's messages, to be looked at.
func (a *Account) writers(c checkedSpec) (all []spec.Writer, err error) {
	for _, p := range c.parts {
		var w spec.Writer
		switch p.Channel {
		case template.Name:
			w, err = template.NewMessage(c.Spec.Spec, p, c.mini, "")
		case subscribe.Name:
			w, err = subscribe.NewMessage(c.Spec.Spec, p, c.allowed[p.Channel])
		case service.Name:
			w, err = service.NewMessage(c.Spec.Spec, p, c.mini)
		case notice.Name:
			w, err = notice.NewMessage(c.Spec.Spec, p, c.mini, c.allowed[p.Channel])
		}
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// sendBy is what a broadcast's messages are sent by, in the order of its channels.
func (a *Account) sendBy(ctx context.Context, c checkedSpec, b wxcast.Broadcast) (all []broadcast.With, err error) {
	for _, p := range c.parts {
		w := broadcast.With{Platform: a.client}
		switch p.Channel {
		case template.Name:
			var m *template.Message
			m, err = template.NewMessage(c.Spec.Spec, p, c.mini, b.MessageKey)
			w.Channel = template.Channel{Message: m, Sender: a.client}
		case subscribe.Name:
			w, err = a.subscribeBy(c, p)
		case service.Name:
			var m *service.Message
			m, err = service.NewMessage(c.Spec.Spec, p, c.mini)
			w.Channel = service.Channel{Message: m, Sender: a.client, Picture: a.pictureOf(b, service.Of(p))}
		case notice.Name:
			var m *notice.Message
			m, err = notice.NewMessage(c.Spec.Spec, p, c.mini, c.allowed[p.Channel])
			w.Channel = notice.Channel{Message: m, Sender: a.client}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, a.track(ctx, c, b, all)
}

func (a *Account) subscribeBy(c checkedSpec, p spec.Part) (broadcast.With, error) {
	mini, err := a.Config.MiniProgram(string(c.mini))
	if err != nil {
		return broadcast.With{}, err
	}
	client, err := a.miniClient(mini)
	if err != nil {
		return broadcast.With{}, err
	}
	m, err := subscribe.NewMessage(c.Spec.Spec, p, c.allowed[p.Channel])
	return broadcast.With{Channel: subscribe.Channel{Message: m, Sender: client}, Platform: client}, err
}

// miniClient is the client of one of the account's mini programs.
func (a *Account) miniClient(mini config.MiniProgram) (*wechat.Client, error) {
	if mini.Secret == "" {
		return nil, conflict("account.mini_cannot_call", "appid", mini.AppID)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.miniClients[mini.AppID]; c != nil {
		return c, nil
	}
	c := NewClient(a.cfg, config.Account{AppID: mini.AppID, Secret: mini.Secret}, a.db, Hooks{Observe: a.observe})
	a.miniClients[mini.AppID] = c
	return c, nil
}

// lanes are what the account's messages take their quota of, the official account's first.
func (a *Account) lanes(ctx context.Context) (all []wxcast.Lane, err error) {
	minis, err := a.minis(ctx)
	for _, c := range Channels {
		if c.App == wxcast.KindOfficialAccount {
			all = append(all, wxcast.Lane{AppID: a.ID, API: c.API})
		}
		for _, m := range minis {
			if c.App == wxcast.KindMiniProgram {
				all = append(all, wxcast.Lane{AppID: m.ID, API: c.API})
			}
		}
	}
	return all, err
}

// clientOf is the client of the app that a channel sends by.
func (a *Account) clientOf(c checkedSpec, facts wxcast.Channel) (*wechat.Client, error) {
	if facts.App == wxcast.KindOfficialAccount {
		return a.client, nil
	}
	mini, err := a.Config.MiniProgram(string(c.mini))
	if err != nil {
		return nil, err
	}
	return a.miniClient(mini)
}

// filesOf are what a spec's files hold, by their names: they are stored with its broadcast.
func filesOf(c checkedSpec) map[string][]byte {
	files := map[string][]byte{}
	for _, p := range c.parts {
		if card, ok := p.Content.(*service.Content); ok && card.ImageFile != "" && len(card.Image) > 0 {
			files[card.ImageFile] = card.Image
		}
	}
	return files
}

// clientOfMini is the client of a mini program, by its number in the store.
func (a *Account) clientOfMini(ctx context.Context, id int64) (*wechat.Client, error) {
	appid, err := a.db.AppID(ctx, id)
	if err != nil {
		return nil, err
	}
	mini, err := a.Config.MiniProgram(string(appid))
	if err != nil {
		return nil, err
	}
	return a.miniClient(mini)
}
