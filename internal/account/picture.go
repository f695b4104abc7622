package account

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// renewPicture is how long before WeChat forgets a picture it is uploaded again.
const renewPicture = 12 * time.Hour

// picture is a broadcast's, as it is stored with it, and as WeChat knows it.
type picture struct {
	a    *Account
	of   wxcast.BroadcastRef
	name string
	file []byte // as it stands in the spec or was read with it; nil where it is stored

	turn    *semaphore.Weighted // of whoever uploads; nobody waits for it for longer than they may
	mediaID string
	until   time.Time // by the store's clock
}

// pictureOf is a broadcast's picture, one for all who send it in this process.
func (a *Account) pictureOf(b wxcast.Broadcast, c *service.Content) *picture {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.pictures[b.ID]
	if p == nil {
		p = &picture{a: a, turn: semaphore.NewWeighted(1), of: b.Ref(), file: c.Image,
			name: cmp.Or(c.ImageFile, c.ImageDigest)}
		if b.ID != 0 { // else it is a test of no broadcast
			a.pictures[b.ID] = p
		}
	}
	return p
}

// MediaID is WeChat's id of the picture; it is uploaded where WeChat has it not, or not for
// much longer.
func (p *picture) MediaID(ctx context.Context) (string, error) {
	if err := p.turn.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer p.turn.Release(1)
	if p.mediaID != "" && p.a.db.Now().Before(p.until) {
		return p.mediaID, nil
	}
	image, err := p.file, error(nil)
	if image == nil {
		image, err = p.a.db.BroadcastFile(ctx, p.of, p.name)
	}
	if err != nil {
		return "", fmt.Errorf("the picture of broadcast %d: %w", p.of.ID, err)
	}
	id, expires, err := p.a.client.UploadImage(ctx, p.name, image)
	if err != nil {
		return "", err
	}
	p.mediaID, p.until = id, expires.Add(-renewPicture)
	return id, nil
}

// Forget takes back an id that WeChat does not know any more.
func (p *picture) Forget(ctx context.Context, mediaID string) {
	if p.turn.Acquire(ctx, 1) != nil {
		return
	}
	defer p.turn.Release(1)
	if p.mediaID == mediaID {
		p.mediaID = ""
	}
}

// storedFiles are those of a broadcast.
func (a *Account) storedFiles(ctx context.Context, b wxcast.Broadcast) (map[string][]byte, error) {
	c, err := a.stored(ctx, b)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, p := range c.parts {
		if card, ok := p.Content.(*service.Content); ok && card.ImageFile != "" {
			if files[card.ImageFile], err = a.db.BroadcastFile(ctx, b.Ref(), card.ImageFile); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}
