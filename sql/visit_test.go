package store_test

import (
	"slices"
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
	"github.com/wxcast/wxcast/sql/storetest"
)

// Who has left is the one whom messages went to, though no bridge leads to them any more: they may
// come by one still, and its receipt may be under way.
func TestWhoHasLeftIsTheSamePerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.people(t)
		w.permit(t, map[wxcast.Recipient]int64{"m000001": 1})
		b := w.by(t, "b", consent)
		c := w.take(t, b, consent, "w", 0)
		at := w.Now()
		w.ends(t, b, consent, c.LeaseID, wxcast.Outcome{Recipient: "o000001", ID: "m000001", MsgID: 7,
			State: wxcast.DeliverySent, AttemptedAt: at})
		_, err := w.Unfollow(t.Context(), w.account, []wxcast.OpenID{"o000001"}, at)
		must(t, err)
		if changes, _, err := w.Join(t.Context(), w.account, w.mini); err != nil || changes.Removed != 1 {
			t.Fatalf("%+v %v, want the bridge taken down: the test shows nothing", changes, err)
		}
		got, err := w.RecipientsOf(t.Context(), w.account, w.mini, "m000001")
		must(t, err)
		if !slices.Equal(got, []wxcast.Recipient{"m000001", "o000001"}) {
			t.Errorf("messages to %v are theirs, want m000001 and o000001", got)
		}
		must(t, w.RecordReceipts(t.Context(), w.account, consent, consent.Lane(b), []wxcast.Receipt{
			{OpenID: "m000001", MsgID: 7, Status: "success", At: at}}))
		if tally := w.tally(t, b); tally.Delivered != 1 {
			t.Errorf("%+v, want one delivered", tally)
		}
	})
}
