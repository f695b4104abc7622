package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/sql/storetest"
)

// hearing is wxcast serve, which WeChat tells what people do, with a key for its API.
func (b *bench) hearing(t *testing.T) (r *replica, key string) {
	t.Helper()
	key = b.newKey(t, "shop", "read,send")
	b.env["WXCAST_SERVE_LISTEN"], b.env["WXCAST_SERVE_SYNC_AT"] = "127.0.0.1:0", "off"
	r = b.serve(t)
	b.sim.SetKnobs(func(k *simulator.Knobs) { k.CallbackURL, k.CallbackMode = r.base+"/wechat/default", "plain" })
	return r, key
}

// A card's picture comes beside the spec as "file"; people who wrote get it, by HTTP alone.
func TestACardWithItsPictureThroughTheAPI(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		const writers = 5
		b := newBench(t, url, simulator.Options{Followers: 40, Seed: 67,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		r, key := b.hearing(t)
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

// A preset holds its card's picture: by the command line from a file beside it, by the API as a
// data: URL, as a message's own spec may.
func TestAPresetHoldsItsPicture(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, url string) {
		b := newBench(t, url, simulator.Options{Followers: 5, Seed: 68,
			Shares: simulator.Shares{WithUnionID: 1, MiniUser: 1}})
		b.prepare(t)
		r, key := b.hearing(t)
		openid, _ := b.sim.FollowerIDs(0)
		b.sim.Say(openid, "在吗")
		waitFor(t, "the window of who wrote is known", func() bool {
			person := b.run(t, "followers", "show", openid, "--json").json(t)
			return person["windows"] != nil
		})

		pictures := make([]string, 3)
		for n := range pictures {
			var picture bytes.Buffer
			if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8+n, 8))); err != nil {
				t.Fatal(err)
			}
			pictures[n] = picture.String()
		}
		inline := func(n int) string {
			return "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(pictures[n]))
		}
		card := func(image string) string {
			return "# shipped\nchannels:\n  - service: {title: 订单已发货, pagepath: pages/order, image: \"" + image +
				"\"} # ours\n"
		}
		b.write(t, "card.png", pictures[0])
		b.write(t, "no.png", "hello")
		b.write(t, "large.png", pictures[0]+strings.Repeat("x", 200<<10))
		for name, of := range map[string]struct{ image, want string }{
			"no file":    {"none.png", "none.yaml:3: channels.service.image: none.png cannot be read: no such file"},
			"no picture": {"no.png", "none.yaml:3: channels.service.image: no.png is no picture that WeChat takes"},
			"too large": {"large.png", "none.yaml:3: channels.service.image: large.png has 200 KiB; a preset holds " +
				"its pictures: this one may have 191 KiB at most"},
			"no base64": {"data:image/png,x", "none.yaml:3: channels.service.image: is no picture as base64"},
		} {
			o := b.run(t, "preset", "put", b.write(t, "none.yaml", card(of.image)))
			if o.code != 2 || !strings.Contains(o.err, of.want) {
				t.Errorf("%s: %d %s", name, o.code, o.err)
			}
		}
		if o := b.run(t, "preset", "put", b.write(t, "by-file.yaml", card("card.png"))); o.code != 0 {
			t.Fatalf("%+v", o)
		}
		kept := b.run(t, "preset", "show", "by-file", "--json")
		if got, _ := kept.json(t)["spec"].(string); got != card(inline(0)) {
			t.Errorf("the preset is\n%s\nwant\n%s", got, card(inline(0)))
		}
		const byAPI = "/api/v1/presets/by-api"
		if status, text := r.call(t, key, "PUT", byAPI, "text/yaml", card("card.png")); status != 422 ||
			!strings.Contains(text, "data:image/png;base64") {
			t.Errorf("a file that was not sent: %d %s", status, text)
		}
		if status, text := r.call(t, key, "PUT", byAPI, "text/yaml", card(inline(1))); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		own, err := json.Marshal(map[string]any{"to": openid, "spec": map[string]any{"channels": []any{map[string]any{
			"service": map[string]any{"title": "订单已发货", "pagepath": "pages/order", "image": inline(2)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		for n, request := range []string{`{"to": "` + openid + `", "preset": "by-file"}`,
			`{"to": "` + openid + `", "preset": "by-api"}`, string(own)} {
			if status, text := r.call(t, key, "POST", "/api/v1/messages", "application/json", request); status != 202 {
				t.Fatalf("%d: %d %s", n, status, text)
			}
			waitFor(t, "the card has left", func() bool { return b.sim.State().ByChannel["service"] == n+1 })
		}
		var want []string
		for _, picture := range pictures {
			want = append(want, fmt.Sprintf("%x", sha256.Sum256([]byte(picture))))
		}
		if got := b.sim.Pictures(); !slices.Equal(got, want) {
			t.Errorf("WeChat got the pictures %v, want %v, each once", got, want)
		}
	})
}
