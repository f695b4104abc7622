package account

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

// Preset is a stored spec of single messages as it is shown.
type Preset struct {
	Name      string    `json:"name"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	Spec      string    `json:"spec,omitempty"` // YAML
	// New: it was not there before.
	New bool `json:"-"`
}

// PutPreset stores a new version of a preset, unless the latest says the same. name is "" for
// what the spec or its file is called. The pictures that it names become part of it; with a nil
// read it may name none. Audited.
func (a *Account) PutPreset(ctx context.Context, name, file string, raw []byte, read ReadPicture) (Preset, error) {
	return audited(ctx, a, "put-preset", "preset "+name, func(e *entry) (Preset, error) {
		if read != nil {
			var err error
			if raw, err = withPictures(file, raw, read); err != nil {
				return Preset{}, err
			}
		}
		s, err := ReadMessageSpec(file, raw, "")
		if err != nil {
			return Preset{}, err
		}
		if name == "" {
			if name = s.Name; !s.Has("name") {
				name = nameOfFile(file)
			}
		}
		if !spec.GoodName(name) {
			return Preset{}, &wxcast.BadInput{Key: "name", Problem: wxcast.Say("spec.no_name", "value", name),
				Want: wxcast.Say("spec.want_name_form")}
		}
		k := &kind{name: name, turn: semaphore.NewWeighted(1), spec: s}
		if _, _, err := k.check(ctx, a); err != nil {
			return Preset{}, err
		}
		p, added, err := a.db.PutPreset(ctx, a.ID, name, string(raw))
		a.messages.forget(name)
		e.about("preset %s, version %d", name, p.Version)
		return Preset{Name: p.Name, Version: p.Version, CreatedAt: p.CreatedAt, Spec: p.Spec, New: added}, err
	})
}

// Presets are all presets in their latest versions, by name, without their specs.
func (a *Account) Presets(ctx context.Context) ([]Preset, error) {
	all, err := a.db.Presets(ctx, a.ID)
	shown := make([]Preset, len(all))
	for i, p := range all {
		shown[i] = Preset{Name: p.Name, Version: p.Version, CreatedAt: p.CreatedAt}
	}
	return shown, err
}

// Preset shows a preset: a version of it, or the latest for 0.
func (a *Account) Preset(ctx context.Context, name string, version int) (Preset, error) {
	if !spec.GoodName(name) {
		return Preset{}, notFound("preset.none", "name", name)
	}
	p, err := a.db.Preset(ctx, a.ID, name, version)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("preset.none", "name", name)
	}
	return Preset{Name: p.Name, Version: p.Version, CreatedAt: p.CreatedAt, Spec: p.Spec}, err
}

// RemovePreset removes a preset. What was asked for by it goes on. Audited.
func (a *Account) RemovePreset(ctx context.Context, name string) error {
	_, err := audited(ctx, a, "remove-preset", "preset "+name, func(*entry) (struct{}, error) {
		if !spec.GoodName(name) {
			return struct{}{}, notFound("preset.none", "name", name)
		}
		err := a.db.RemovePreset(ctx, a.ID, name)
		a.messages.forget(name)
		if errors.Is(err, store.ErrNotFound) {
			err = notFound("preset.none", "name", name)
		}
		return struct{}{}, err
	})
	return err
}
