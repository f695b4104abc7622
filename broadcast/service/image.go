package service

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"image"
	_ "image/gif"  // a kind of picture that WeChat takes
	_ "image/jpeg" // another
	_ "image/png"  // another
	"io"
	"net/http"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// imageMax is the largest picture in MB, as WeChat counts them. Source: api_uploadtempmedia,
// read 2026-11-20.
const imageMax = 10

// inline is how a picture begins that stands in the spec, as a data: URL (RFC 2397).
const inline = "data:"

// readImage reads the name of the card's picture, or the picture.
func (c *Content) readImage(p *spec.Parser) spec.Field {
	name := p.String(&c.ImageFile)
	return func(key string, n *yaml.Node) {
		name(key, n)
		if !strings.HasPrefix(c.ImageFile, inline) {
			return
		}
		url := c.ImageFile
		c.ImageFile, c.Image = "", []byte{} // there is one, good or not
		kind, encoded, _ := strings.Cut(url, ",")
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
		if !strings.HasSuffix(kind, ";base64") || err != nil {
			p.Complain(key, wxcast.Say("service.no_base64"), wxcast.Say("service.want_base64"))
			return
		}
		if problem, want := c.SetImage(raw); !problem.IsZero() {
			p.Complain(key, problem, want)
		}
	}
}

// hasImage tells whether the spec brings a picture of its own.
func (c *Content) hasImage() bool { return c.ImageFile != "" || c.Image != nil }

// Inline is the picture as a data: URL, which may stand in a spec in place of the file's name.
func (c *Content) Inline() string {
	return inline + http.DetectContentType(c.Image) + ";base64," + base64.StdEncoding.EncodeToString(c.Image)
}

// Files are those that the content names.
func (c *Content) Files() map[string]string {
	if c.ImageFile == "" {
		return nil
	}
	return map[string]string{"image": c.ImageFile}
}

// ReadFile reads the card's picture.
func (c *Content) ReadFile(_, path string) (problem, want wxcast.Sentence) {
	f, err := os.Open(path)
	if err != nil {
		return c.unreadable(err), wxcast.Say("service.want_image")
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, imageMax<<20+1))
	if err != nil {
		return c.unreadable(err), wxcast.Say("service.want_image")
	}
	return c.SetImage(raw)
}

// SetImage takes what the card's picture is. Only its head is looked into: what a whole one takes
// to unpack is up to who made it.
func (c *Content) SetImage(raw []byte) (problem, want wxcast.Sentence) {
	want = wxcast.Say("service.want_kind", "most", imageMax)
	if len(raw) > imageMax<<20 {
		return wxcast.Say("service.large", "file", c.imageName(), "most", imageMax), want
	}
	if _, _, err := image.DecodeConfig(bytes.NewReader(raw)); err != nil {
		return wxcast.Say("service.no_image", "file", c.imageName()), want
	}
	sum := sha256.Sum256(raw)
	c.Image, c.ImageDigest = raw, hex.EncodeToString(sum[:])
	return wxcast.Sentence{}, wxcast.Sentence{}
}

// imageName is what the picture is called where it is spoken of.
func (c *Content) imageName() string { return cmp.Or(c.ImageFile, inline+"…") }

func (c *Content) unreadable(err error) wxcast.Sentence {
	return wxcast.Say("list.unreadable", "file", c.ImageFile, "why", errors.Unwrap(err))
}
