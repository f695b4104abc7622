package cli_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// A card's picture comes beside the spec as "file"; people who wrote get it, by HTTP alone.
func TestACardWithItsPictureThroughTheAPI(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		const writers = 5
		b := newBench(t, url, simulator.Options{Followers: 40, Seed: 67,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		key := b.newKey(t, "shop", "read,send")
		b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
		b.env["WXCAST_TOKEN"] = b.sim.Token
		r := b.serve(t)
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.CallbackMode = r.base+"/wechat/default", "plain" })
		for n := range writers {
			openid, _ := b.sim.FollowerIDs(n)
			b.sim.Say(openid, "在吗")
		}
		call := func(path string, parts ...string) (int, map[string]any) {
			t.Helper()
			contentType, body := form(t, parts...)
			status, text := r.call(t, key, "POST", "/api/v1"+path, contentType, body)
			v := map[string]any{}
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %d %s", path, status, text)
			}
			return status, v
		}
		var picture bytes.Buffer
		if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
			t.Fatal(err)
		}
		spec := "name: shipped\nchannels:\n  - service: {title: 订单已发货, pagepath: pages/order, image: card.png}\n"
		for name, of := range map[string]struct {
			parts []string
			want  string
		}{
			"no file":         {nil, "card.png"},
			"of another name": {[]string{"file", "other.png", picture.String()}, "card.png"},
			"no picture":      {[]string{"file", "card.png", "hello"}, "card.png"},
			"a picture too big": {[]string{"file", "card.png", picture.String() + strings.Repeat("x", 10<<20)},
				"card.png"},
		} {
			status, problem := call("/broadcasts", append([]string{"spec", "shipped.yaml", spec}, of.parts...)...)
			if detail, _ := problem["detail"].(string); status != 422 || !strings.Contains(detail, of.want) {
				t.Errorf("%s: %d %v", name, status, problem)
			}
		}
		parts := []string{"spec", "shipped.yaml", spec, "file", "card.png", picture.String()}
		waitFor(t, "the windows of those who wrote are known", func() bool {
			status, preview := call("/broadcasts/preview", parts...)
			return status == 200 && number(t, preview, "by_channel.service.reached") == writers
		})
		status, made := call("/broadcasts", parts...)
		if status != 200 {
			t.Fatalf("%d %v", status, made)
		}
		waitFor(t, "the cards have left", func() bool { return b.sim.State().ByChannel["service"] == writers })
		if _, again := call("/broadcasts", parts...); again["id"] != made["id"] {
			t.Errorf("the same spec and picture is broadcast %v, and was %v", again["id"], made["id"])
		}
		var other bytes.Buffer
		if err := png.Encode(&other, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
			t.Fatal(err)
		}
		parts[5] = other.String()
		if _, another := call("/broadcasts", parts...); another["id"] == made["id"] {
			t.Error("another picture under the same name is the same broadcast")
		}
	})
}
