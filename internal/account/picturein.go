package account

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/internal/yamledit"
)

// ReadPicture reads a picture that a spec names. Its errors are *wxcast.BadInput, or the system's.
type ReadPicture func(name string) ([]byte, error)

// PicturesBeside reads pictures beside a spec's file.
func PicturesBeside(file string) ReadPicture {
	return func(name string) ([]byte, error) { return os.ReadFile(spec.Beside(filepath.Dir(file), name)) }
}

// withPictures puts the pictures that a spec of messages names into it, as data: URLs: a preset is
// one text, which every process finds whole. A spec that names none is as it was.
func withPictures(file string, raw []byte, read ReadPicture) ([]byte, error) {
	s, err := spec.ParseMessage(file, raw, forms...)
	if err != nil {
		return nil, err
	}
	var doc *yamledit.Doc
	for i, part := range s.Parts {
		card, ok := part.Content.(*service.Content)
		if !ok || card.ImageFile == "" {
			continue
		}
		image, err := read(card.ImageFile)
		var bad *wxcast.BadInput
		switch {
		case errors.As(err, &bad):
			return nil, err
		case err != nil:
			return nil, part.Bad(s, "image", wxcast.Say("list.unreadable", "file", card.ImageFile, "why",
				errors.Unwrap(err)), wxcast.Say("service.want_image"))
		}
		if problem, want := card.SetImage(image); !problem.IsZero() {
			return nil, part.Bad(s, "image", problem, want)
		}
		if most := (spec.SizeMax - len(raw)) / 4 * 3; len(image) > most { // as base64 it is a third larger
			return nil, part.Bad(s, "image", wxcast.Say("preset.large_picture", "file", card.ImageFile, "kib",
				len(image)>>10), wxcast.Say("preset.want_small_picture", "most", max(most, 0)>>10))
		}
		if doc == nil {
			if doc, err = yamledit.Parse(string(raw)); err != nil {
				return nil, part.Bad(s, "image", wxcast.Say("preset.no_place", "why", err),
					wxcast.Say("service.want_base64"))
			}
		}
		doc.SetText(fmt.Sprintf("channels.%d.%s.image", i, part.Channel), card.Inline())
	}
	if doc == nil {
		return raw, nil
	}
	text, err := doc.Text()
	return []byte(text), err
}
