package browser

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A preset's picture is chosen beside its spec; where it is not the one that the spec names, nothing
// that was written is lost.
func TestAPresetWithItsPicture(t *testing.T) {
	h := open(t)
	v := h.visit(t, chromium(t), "en", 1440)
	v.join(h.invite(t, "han", "operator", false), "a long way to the sea", false)
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"card.png", "other.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), picture.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec := "channels:\n  - service: {title: shipped, pagepath: pages/order, image: card.png}"
	v.to("/accounts/default/presets")
	v.one("button[data-opens=put]").MustClick()
	v.fill("#name", "shipped")
	v.fill("#spec", spec)
	v.one("#picture").MustSetFiles(filepath.Join(dir, "other.png"))
	v.expect("status of 422")
	v.shoot("preset-picture")
	v.press("#put button.first")
	v.says("card.png")
	if got := v.one("#spec").MustProperty("value").Str(); strings.ReplaceAll(got, "\r", "") != spec {
		t.Errorf("what was written is gone: %q", got)
	}
	v.accessible()
	if got := v.one("dialog[open] .say.bad").MustText(); !strings.Contains(got, "card.png") {
		t.Errorf("the form says %q, want what was wrong with it", got)
	}
	v.one("#picture").MustSetFiles(filepath.Join(dir, "card.png"))
	v.press("#put button.first")
	if got := v.one("#spec").MustProperty("value").Str(); !strings.Contains(got, "data:image/png;base64,") {
		t.Errorf("the preset is %q, want the picture in it", got)
	}
	v.accessible()
}
