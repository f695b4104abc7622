package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/serve"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// demoRate is so slow that the broadcast at which one looks in the console lasts a while.
const demoRate = 20

// demoUser is who looks at the demo's console.
const demoUser = "demo"

// demoServe leaves the demo's account running, with the console open for a look, until ctx
// ends.
func (a *app) demoServe(ctx context.Context, cfg *config.Config, sim *simulator.Server, line simAnnouncement) error {
	p, err := serve.Open(ctx, serve.Options{Config: cfg, Version: version(), Lang: a.lang, Log: a.logger(cfg)})
	if err != nil {
		return err
	}
	defer p.Close()
	cfg.Console.URL = p.URL() // for the link
	sim.SetKnobs(func(k *simulator.Knobs) {
		k.CallbackMode, k.CallbackURL = "plain", p.URL()+"/wechat/"+cfg.Accounts[0].Name
	})
	h, err := account.OpenHouse(ctx, cfg, a.logger(cfg))
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := demoLink(ctx, h)
	if err != nil {
		return err
	}
	if err := demoSlowly(ctx, h.Accounts[0], line); err != nil {
		return err
	}
	if err := a.print(map[string]string{"console": p.URL() + "/", "link": link, "user": demoUser}, func(w io.Writer) {
		a.line(w, "demo.serves", "url", p.URL()+"/", "link", link, "user", demoUser)
	}); err != nil {
		return err
	}
	return p.Run(ctx)
}

// demoLink invites the demo's user, anew where the database was kept.
func demoLink(ctx context.Context, h *account.House) (string, error) {
	users, err := h.ListUsers(ctx)
	if err != nil {
		return "", err
	}
	for _, u := range users {
		if u.Name == demoUser {
			i, err := h.ResetUser(ctx, demoUser)
			return i.Link, err
		}
	}
	i, err := h.CreateUser(ctx, account.NewUser{Name: demoUser, Roles: []string{string(wxcast.RoleAdmin)},
		People: true})
	return i.Link, err
}

// demoSlowly begins a broadcast that is still running when somebody looks.
func demoSlowly(ctx context.Context, of *account.Account, line simAnnouncement) error {
	dir, err := os.MkdirTemp("", "wxcast-demo-spec-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "demo.yaml")
	if err := os.WriteFile(path, []byte(demoSpecOf("demo-live-", "限时优惠", line)), 0o600); err != nil {
		return err
	}
	spec, err := account.ReadSpec(account.SpecFile{Path: path, Overrides: account.Overrides{Rate: demoRate}})
	if err != nil {
		return err
	}
	_, err = of.CreateBroadcast(ctx, spec, account.Begin{}, account.Asker{Say: func(wxcast.Sentence) {}})
	return err
}
