package serve_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/simulator"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Receipts that bear MsgID 0 find their messages all the same: nobody else's can be meant.
func TestReceiptsWithoutAMsgIDAreRecorded(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.sim.SetKnobs(func(k *simulator.Knobs) { k.ReceiptWithoutMsgID = true })
		path := filepath.Join(t.TempDir(), "spec.yaml")
		spec := fmt.Sprintf("name: nameless\ntemplate: %s\ndata: {thing1: 上新, time2: \"2026-11-30 10:00\"}\naudience: {bridged: any}\nrate: 2000\n", b.sim.TemplateID)
		if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := account.ReadSpec(account.SpecFile{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		a, err := account.Open(t.Context(), b.cfg, b.cfg.Accounts[0], slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer a.CloseAll()
		sent, err := a.RunBroadcast(account.As(t.Context(), "test", "test"), s,
			account.Sending{Asker: account.Asker{Say: func(wxcast.Sentence) {}}})
		if err != nil || sent.Summary.Sent != 200 {
			t.Fatalf("%+v %v", sent.Summary, err)
		}
		eventually(t, "every receipt is recorded", func() bool {
			summary, err := a.Broadcast(t.Context(), sent.ID)
			return err == nil && summary.Delivered == 200
		})
	})
}
