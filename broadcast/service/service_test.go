package service_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

var _ broadcast.Channel = service.Channel{}

// uploaded is a picture that WeChat has, or cannot be given.
type uploaded struct{ err error }

func (u uploaded) MediaID(context.Context) (string, error) { return "UPLOADED", u.err }
func (uploaded) Forget(context.Context, string)            {}

// with is a spec of one customer-service message with these keys.
func with(keys string) (*spec.Spec, error) {
	return spec.Parse("s.yaml", []byte("name: n\nchannels:\n  - service: {"+keys+"}\naudience: {in: l.csv}\n"),
		template.Form{}, service.Form{})
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return text.English.Error(err, text.NoDoor, nil)
}

const card = "title: 订单已发货, pagepath: 'pages/order?id={{ .order }}', "

func TestACardOrAText(t *testing.T) {
	for keys, want := range map[string]string{
		card + "image: a.png":                                        "",
		card + "media_id: M":                                         "",
		card + "image: '" + inline(picture(t, 2)) + "'":              "",
		card + "image: 'data:image/png,x'":                           "s.yaml:3: channels.service.image: is no picture as base64; write data:image/png;base64,… or name a file",
		card + "image: 'data:image/png;base64,/'":                    "s.yaml:3: channels.service.image: is no picture as base64",
		card + "image: '" + inline("hello") + "'":                    "s.yaml:3: channels.service.image: data:… is no picture that WeChat takes",
		card + "media_id: M, image: '" + inline(picture(t, 2)) + "'": "s.yaml:3: channels.service.media_id: stands beside image",
		"text: a, image: '" + inline(picture(t, 2)) + "'":            "s.yaml:3: channels.service.image: stands beside text",
		"text: 你好":                                "",
		"text: 你好, appid: wx1":                    "",
		"":                                        "s.yaml:3: channels.service.title: is missing; write the card's title, or text: … for a text message",
		card:                                      "s.yaml:3: channels.service.image: is missing; name a picture beside the spec",
		card + "image: a.png, media_id: M":        "s.yaml:3: channels.service.media_id: stands beside image",
		"title: a, media_id: M":                   "s.yaml:3: channels.service.pagepath: is missing; write the page that the card opens",
		"title: a, pagepath: /p, media_id: M":     `s.yaml:3: channels.service.pagepath: "/p" begins with a slash`,
		"text: a, title: b":                       "s.yaml:3: channels.service.title: stands beside text",
		"text: a, image: b.png":                   "s.yaml:3: channels.service.image: stands beside text",
		"text: " + strings.Repeat("字", 683):       "s.yaml:3: channels.service.text: has 2049 bytes; a text message has 2048 at most",
		card + "image: '{{ .a }}.png'":            "s.yaml:3: channels.service.image: cannot hold {{ }}",
		"title: " + strings.Repeat("字", 65):       "s.yaml:3: channels.service.title: ",
		"title: '{{ }}', pagepath: p, image: i":   "s.yaml:3: channels.service.title: missing value for command",
		"titel: a, pagepath: p, media_id: M":      "s.yaml:3: channels.service.titel: is not a key of a spec; did you mean title?",
		"form_id: a, " + card + "media_id: M":     "s.yaml:3: channels.service.form_id: WeChat retired form_id",
		"title: \"a\\nb\", pagepath: p, image: i": "s.yaml:3: channels.service.title: \"a\\nb\" holds a line break",
	} {
		_, err := with(keys)
		if got := words(err); (want == "") != (err == nil) || !strings.HasPrefix(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", keys, got, want)
		}
	}
}

func TestAMessageIsWrittenForAFollower(t *testing.T) {
	d := &wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o1"}, Vars: map[string]string{"order": "A&1",
		"goods": "茶杯", "long": strings.Repeat("长", 65), "evil": `"><a href="https://evil.example/">领奖</a>`, "none": ""}}
	for name, test := range map[string]struct {
		keys, more string
		want       service.Out
		key        string
	}{
		"a card": {card + "media_id: M", "", service.Out{Title: "订单已发货", PagePath: "pages/order?id=A%261",
			MiniAppID: "wxMP"}, ""},
		"a title of theirs": {"title: '{{ .goods }}已发货', pagepath: p, media_id: M", "",
			service.Out{Title: "茶杯已发货", PagePath: "p", MiniAppID: "wxMP"}, ""},
		"a title too long": {"title: '{{ .long }}', pagepath: p, media_id: M", "", service.Out{}, "channels.service.title"},
		"no title":         {"title: '{{ .none }}', pagepath: p, media_id: M", "", service.Out{}, "channels.service.title"},
		"a title cut": {"title: '{{ .long }}', pagepath: p, media_id: M", "on_bad_value: truncate\n",
			service.Out{Title: strings.Repeat("长", 63) + "…", PagePath: "p", MiniAppID: "wxMP"}, ""},
		"an address for a page": {"title: a, pagepath: '{{ .evil }}', media_id: M", "", service.Out{}, "channels.service.pagepath"},
		"a text":                {"text: '{{ .goods }}'", "", service.Out{Text: "茶杯"}, ""},
		"a link": {`text: '<a href="https://x.example" data-miniprogram-appid="wxMP" data-miniprogram-path="p?g={{ .goods }}">看</a>'`, "",
			service.Out{Text: `<a href="https://x.example" data-miniprogram-appid="wxMP" data-miniprogram-path="p?g=茶杯">看</a>`}, ""},
		"a link of a stranger's": {"text: '您好{{ .evil }}'", "",
			service.Out{Text: "您好＂＞＜a href=＂https://evil.example/＂＞领奖＜/a＞"}, ""},
		"also where one chooses": {"text: '{{ if .goods }}{{ .evil | truncate 6 }}{{ end }}'", "",
			service.Out{Text: "＂＞＜a …"}, ""},
		"no text": {"text: '{{ .none }}'", "", service.Out{}, "channels.service.text"},
	} {
		s, err := spec.Parse("s.yaml", []byte("name: n\n"+test.more+"channels:\n  - service: {"+test.keys+
			"}\naudience: {in: l.csv}\n"), template.Form{}, service.Form{})
		if err != nil {
			t.Errorf("%s: %s", name, words(err))
			continue
		}
		m, err := service.NewMessage(s, s.Parts[0], "wxMP")
		if err != nil {
			t.Fatal(words(err))
		}
		test.want.ToUser = "o1"
		got, err := m.For(d)
		var bad *spec.ValueError
		if errors.As(err, &bad) != (test.key != "") || bad != nil && bad.Key != test.key || bad == nil &&
			got != test.want {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// inline is a picture as it may stand in a spec.
func inline(picture string) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(picture))
}

// picture is a small PNG.
func picture(t *testing.T, side int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAPictureIsReadWithTheSpec(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"in/a.png": picture(t, 2), "in/same.png": picture(t, 2), "in/other.png": picture(t, 3), "out.png": picture(t,
			2),
		"in/a.txt": "no picture", "in/large.png": picture(t, 2) + strings.Repeat("x", 10<<20),
		"in/l.csv": "openid,order\no1,A\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hashes := map[string]string{}
	for file, want := range map[string]struct{ own, sent string }{
		"a.png":                       {"", ""},
		"same.png":                    {"", ""},
		"other.png":                   {"", ""},
		"../out.png":                  {"", "is no file that was sent; send the file with the spec"},
		filepath.Join(dir, "out.png"): {"", "is no file that was sent"},
		"..":                          {"cannot be read", "is no file that was sent"},
		"none.png":                    {"cannot be read: no such file", "cannot be read: no such file"},
		"a.txt":                       {"a.txt is no picture that WeChat takes; use PNG, JPEG or GIF", "is no picture"},
		"large.png":                   {"large.png is larger than 10 MB", "is larger"},
	} {
		for _, sent := range []bool{false, true} {
			s, err := with(card + "image: " + file)
			if err != nil {
				t.Fatal(words(err))
			}
			open, say := s.OpenFiles, want.own
			if sent {
				open, say = s.OpenUploadedFiles, want.sent
			}
			err = open(filepath.Join(dir, "in"))
			got := words(err)
			if (say == "") != (err == nil) || !strings.Contains(got, say) ||
				err != nil && !strings.HasPrefix(got, "s.yaml:3: channels.service.image: ") {
				t.Errorf("%s (sent: %v): %s, want %s", file, sent, got, say)
			}
			if c := service.Of(s.Parts[0]); err == nil && (len(c.Image) == 0 || len(c.ImageDigest) != 64) {
				t.Errorf("%s: %d bytes, %s", file, len(c.Image), c.ImageDigest)
			}
			hashes[file] = s.ContentHash()
		}
	}
	if hashes["a.png"] != hashes["same.png"] || hashes["a.png"] == hashes["other.png"] ||
		hashes["a.png"] == hashes["none.png"] {
		t.Errorf("what it shows is the picture, not its name: %v", hashes)
	}
}

// wechats takes messages for WeChat.
type wechats struct {
	cards []wechat.Card
	texts []wechat.CustomText
}

func (w *wechats) SendCard(_ context.Context, c wechat.Card) error {
	w.cards = append(w.cards, c)
	return nil
}

func (w *wechats) SendCustomText(_ context.Context, t wechat.CustomText) error {
	w.texts = append(w.texts, t)
	return nil
}

func TestOneCallForEachDelivery(t *testing.T) {
	d := &wxcast.Delivery{Follower: wxcast.Follower{OpenID: "o1"}, Vars: map[string]string{"order": "A"}}
	lost := &wechat.Error{Path: "/cgi-bin/media/upload", Err: context.DeadlineExceeded, MaybeDone: true}
	for name, test := range map[string]struct {
		keys, media, text string
		picture           error
	}{
		"a picture of the spec's":    {card + "image: a.png", "UPLOADED", "", nil},
		"a picture in the spec":      {card + "image: '" + inline(picture(t, 2)) + "'", "UPLOADED", "", nil},
		"one that WeChat has":        {card + "media_id: M", "M", "", nil},
		"a text":                     {"text: 你好", "", "你好", nil},
		"a picture that was not put": {card + "image: a.png", "", "", lost},
	} {
		s, err := with(test.keys)
		if err != nil {
			t.Fatal(words(err))
		}
		m, err := service.NewMessage(s, s.Parts[0], "wxMP")
		if err != nil {
			t.Fatal(words(err))
		}
		to := &wechats{}
		c := service.Channel{Message: m, Sender: to, Picture: uploaded{test.picture}}
		_, err = c.Send(t.Context(), d)
		var e *wechat.Error
		if errors.As(err, &e) != (test.picture != nil) || e != nil && (e.MaybeDone ||
			wechat.ClassOf(err) != wechat.ClassRetryLater) {
			t.Errorf("%s: %v: a message whose picture could not be uploaded did not leave", name, err)
		}
		switch {
		case test.media != "":
			want := wechat.Card{ToUser: "o1", Title: "订单已发货", MiniAppID: "wxMP", PagePath: "pages/order?id=A",
				ThumbMediaID: test.media}
			if len(to.cards) != 1 || to.cards[0] != want || len(to.texts) != 0 {
				t.Errorf("%s: %+v", name, to)
			}
		case test.text != "":
			if len(to.texts) != 1 || to.texts[0].Content != test.text || len(to.cards) != 0 {
				t.Errorf("%s: %+v", name, to)
			}
		case len(to.cards)+len(to.texts) != 0:
			t.Errorf("%s: %+v", name, to)
		}
		if f := c.Facts(); f.Right != wxcast.RightWindow || !f.Refuses(45015) || !f.Refuses(45047) || f.Receipt != "" {
			t.Errorf("%+v", f)
		}
	}
}
