package wechat_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/config"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// The mini program's templates, by its own token.
func TestSubscribeTemplates(t *testing.T) {
	sim, base := startSimulator(t, simulator.Options{Followers: 50, Seed: 7,
		Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
	c := wechat.New(wechat.Options{AppID: wxcast.AppID(sim.MiniAppID), Secret: config.Secret(sim.MiniSecret),
		Bases: []string{base}, Timeout: 2 * time.Second, Conns: 2, Tokens: openStore(t)})
	defer c.Close()
	templates, err := c.ListSubscribeTemplates(t.Context())
	if err != nil || len(templates) < 2 || templates[0].ID != sim.TemplateID ||
		templates[0].Kind != wxcast.PermitOnce || len(templates[0].Keys) != 2 || templates[0].Keys[0] != "thing1" {
		t.Fatalf("%+v %v", templates, err)
	}
}
