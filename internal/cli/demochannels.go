package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/serve"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// demoChannels is the demo's spec by three channels: its name, and the template twice.
const demoChannels = `name: %s
prefer: cheapest
channels:
  - subscribe:
      template: %s
      page: "pages/order/index?u={{ .mini_openid }}"
      data: {thing1: "您的订单已发货", time2: "2026-11-30 10:00"}
  - template:
      template: %s
      data: {thing1: "您的订单已发货", time2: "2026-11-30 10:00"}
      miniprogram: {pagepath: pages/order/index}
  - service: {title: 您的订单已发货, pagepath: pages/order/index, image: card.png}
`

const (
	// demoWriters people write to the account, and every demoConsents-th mini user consents.
	demoWriters  = 40
	demoConsents = 3
	// demoHears is how long the demo waits for its own callbacks.
	demoHears = 20 * time.Second
)

// demoByChannels lets some people write to the account and others consent, hears of it by
// callbacks as wxcast serve does, and sends one message to each by whichever channel reaches
// them.
func (a *app) demoByChannels(ctx context.Context, of *account.Account, sim *simulator.Server, cfg *config.Config,
	line simAnnouncement, rate float64) (account.Sent, error) {
	ctx, stop := context.WithCancel(ctx)
	server, err := serve.Open(ctx, serve.Options{Config: cfg, Version: version(), Lang: a.lang, Log: a.logger(cfg)})
	if err != nil {
		stop()
		return account.Sent{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() { stop(); <-ended; server.Close() }()
	sim.SetKnobs(func(k *simulator.Knobs) {
		k.CallbackMode, k.CallbackURL = "plain", server.URL()+"/wechat/"+of.Name()
		k.MiniCallbackURL = k.CallbackURL + "/" + line.MiniAppID
	})
	defer sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.MiniCallbackURL = "", "" })
	writers, people := 0, 0
	for openid := range maps.Keys(maps.Collect(sim.Followers())) {
		if writers < demoWriters && sim.Say(openid, "你好") {
			writers++
		}
	}
	n := 0
	for m := range sim.MiniUsers() {
		if n++; n%demoConsents == 0 && sim.GivePermits(m.OpenID, line.TemplateID, 1) {
			people++
		}
	}
	spec, clean, err := a.demoChannelsSpec(line, rate)
	if err != nil {
		return account.Sent{}, err
	}
	defer clean()
	if err := heard(ctx, of, spec, writers, people); err != nil {
		return account.Sent{}, err
	}
	who := account.Asker{Say: func(wxcast.Sentence) {}}
	return of.RunBroadcast(ctx, spec, a.sending(who, false))
}

// demoChannelsSpec is the spec, with a card's picture.
func (a *app) demoChannelsSpec(line simAnnouncement, rate float64) (account.Spec, func(), error) {
	dir, err := os.MkdirTemp("", "wxcast-demo-spec-")
	if err != nil {
		return account.Spec{}, nil, err
	}
	clean := func() { _ = os.RemoveAll(dir) }
	var card bytes.Buffer
	name := "demo-channels-" + time.Now().UTC().Format("20060102-150405.000")
	path := filepath.Join(dir, "demo.yaml")
	err = errors.Join(png.Encode(&card, image.NewGray(image.Rect(0, 0, 4, 4))),
		os.WriteFile(filepath.Join(dir, "card.png"), card.Bytes(), 0o600),
		os.WriteFile(path, fmt.Appendf(nil, demoChannels, name, line.TemplateID, line.TemplateID), 0o600))
	if err != nil {
		clean()
		return account.Spec{}, nil, err
	}
	spec, err := account.ReadSpec(account.SpecFile{Path: path, Overrides: account.Overrides{Rate: rate}})
	if err != nil {
		clean()
	}
	return spec, clean, err
}

// heard waits until all that the people did is known.
func heard(ctx context.Context, of *account.Account, spec account.Spec, writers, people int) error {
	for deadline := time.Now().Add(demoHears); ; {
		status, err := of.PermitStatus(ctx, "")
		if err != nil {
			return err
		}
		allowed := int64(0)
		for _, t := range status.Templates {
			allowed += t.Permits
		}
		if allowed >= int64(people) {
			p, err := of.PreviewBroadcast(ctx, spec, 1)
			if err != nil {
				return err
			}
			if p.ByChannel["service"].Reached >= int64(writers) {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return errors.New("the simulator's callbacks do not arrive")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
