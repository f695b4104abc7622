package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	_ "image/gif"  // a kind of picture that WeChat takes
	_ "image/jpeg" // another
	_ "image/png"  // another
	"io"
	"os"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// imageMax is the largest picture in MB, as WeChat counts them. Source: api_uploadtempmedia,
// read 2026-11-20.
const imageMax = 10

// Files are those that the content names.
func (c *Content) Files() map[string]string {
	if c.ImageFile == "" {
		return nil
	}
	return map[string]string{"image": c.ImageFile}
}

// ReadFile reads the card's picture. Only its head is looked into: what a whole one takes to
// unpack is up to who made it.
func (c *Content) ReadFile(_, path string) (problem, want wxcast.Sentence) {
	want = wxcast.Say("service.want_kind", "most", imageMax)
	f, err := os.Open(path)
	if err != nil {
		return c.unreadable(err), wxcast.Say("service.want_image")
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, imageMax<<20+1))
	switch {
	case err != nil:
		return c.unreadable(err), wxcast.Say("service.want_image")
	case len(raw) > imageMax<<20:
		return wxcast.Say("service.large", "file", c.ImageFile, "most", imageMax), want
	}
	if _, _, err := image.DecodeConfig(bytes.NewReader(raw)); err != nil {
		return wxcast.Say("service.no_image", "file", c.ImageFile), want
	}
	sum := sha256.Sum256(raw)
	c.Image, c.ImageDigest = raw, hex.EncodeToString(sum[:])
	return wxcast.Sentence{}, wxcast.Sentence{}
}

func (c *Content) unreadable(err error) wxcast.Sentence {
	return wxcast.Say("list.unreadable", "file", c.ImageFile, "why", errors.Unwrap(err))
}
