package followersync

import (
	"context"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// nearbyPages is how many pages of the other listing are in memory at a time.
const nearbyPages = 4

// nearby tells whether an openid stands in another listing at about the same
// place. WeChat lists followers in the order in which they came, so two nights'
// listings are the same but for those who left in between and those who came at
// the end; walking through both at once compares them with a few pages in memory.
//
// Its yes is certain, and given once for each place. Its no is not certain, where
// the order has changed: whoever asks must look closer then.
type nearby struct {
	load   func(page int) ([]wxcast.OpenID, error)
	pages  [][]wxcast.OpenID     // those in memory, the last is number loaded
	at     map[wxcast.OpenID]int // on which of them an openid stands
	loaded int
	ended  bool
}

func newNearby(ctx context.Context, store Store, run wxcast.SyncRun) *nearby {
	return &nearby{
		load: func(page int) ([]wxcast.OpenID, error) { return store.ListingPage(ctx, run, page) },
		at:   map[wxcast.OpenID]int{},
	}
}

// advance makes the window reach at least behind the given page.
func (n *nearby) advance(page int) error {
	for n.loaded <= page && !n.ended {
		if err := n.next(); err != nil {
			return err
		}
	}
	return nil
}

func (n *nearby) next() error {
	openids, err := n.load(n.loaded + 1)
	if err != nil {
		return err
	}
	if len(openids) == 0 {
		n.ended = true
		return nil
	}
	n.loaded++
	if n.pages = append(n.pages, openids); len(n.pages) > nearbyPages {
		oldest := n.loaded - nearbyPages
		for _, o := range n.pages[0] {
			if n.at[o] == oldest { // not listed again since
				delete(n.at, o)
			}
		}
		n.pages = n.pages[1:]
	}
	for _, o := range openids {
		n.at[o] = n.loaded
	}
	return nil
}

// has moves the window on when its end is reached.
func (n *nearby) has(o wxcast.OpenID) (bool, error) {
	page, ok := n.at[o]
	if !ok {
		return false, nil
	}
	delete(n.at, o)
	if page == n.loaded && !n.ended {
		return true, n.next()
	}
	return true, nil
}
