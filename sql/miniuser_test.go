package store_test

import (
	"errors"
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

func TestImportCountsAndKeepsTheLastOfTwo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		counts, err := w.ImportMiniUsers(t.Context(), w.account, w.mini, miniUsers(1, 5000), wxcast.ImportMode{})
		must(t, err)
		if counts != (wxcast.ImportCounts{Inserted: 5000}) {
			t.Errorf("%+v", counts)
		}
		counts, err = w.ImportMiniUsers(t.Context(), w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			_ = yield(wxcast.MiniUser{MiniOpenID: "m000001", UnionID: "first"}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "m000002", UnionID: unionid(2)}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "new", UnionID: "u"}, nil) &&
				yield(wxcast.MiniUser{MiniOpenID: "m000001", UnionID: "last"}, nil)
		}, wxcast.ImportMode{})
		must(t, err)
		if counts != (wxcast.ImportCounts{Inserted: 1, Updated: 1}) {
			t.Errorf("%+v", counts)
		}
		broken := errors.New("broken")
		_, err = w.ImportMiniUsers(t.Context(), w.account, w.mini, func(yield func(wxcast.MiniUser, error) bool) {
			_ = yield(wxcast.MiniUser{MiniOpenID: "half", UnionID: "u"}, nil) && yield(wxcast.MiniUser{}, broken)
		}, wxcast.ImportMode{})
		if !errors.Is(err, broken) {
			t.Error(err)
		}
		n, err := w.CountMiniUsers(t.Context(), w.mini)
		must(t, err)
		if n != 5001 {
			t.Errorf("%d mini users after a broken import, want 5001", n)
		}
	})
}
