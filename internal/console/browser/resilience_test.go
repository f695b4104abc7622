package browser

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The program is killed while a page is open: the page says so, and goes on by itself when the
// program is there again. A session that ends meanwhile is told, too.
func TestAPageOutlivesTheProgram(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	t.Setenv("WXCAST_SERVE_LISTEN", address)
	h := open(t)
	v := h.visit(t, chromium(t), "en", 1440)
	v.expect("Failed to load resource|ERR_CONNECTION|htmx:sendError|htmx:responseError|htmx:afterRequest|net::|Response Status Error")
	v.join(h.link, "a kettle of fish", false)
	v.to("/accounts/default/broadcasts/3")
	v.until("the page is alive", func() bool { return v.part("#live .big") != "" })
	if err := h.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = h.process.Wait()
	v.says("No answer from wxcast")
	v.shoot("no-answer-en-1440")

	again := exec.Command(h.binary, "demo", "--serve", "--json", "--followers", "1500", "--rate", "400", "--database",
		h.database)
	again.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Process.Signal(os.Interrupt); _ = again.Wait() })
	h.process = exec.Command("true") // what open ends is ended
	_ = h.process.Start()
	v.until("the page goes on by itself", func() bool { return !strings.Contains(v.text(), "No answer from wxcast") })
	// The page was not loaded again, and shows what is now.
	if state := v.MustEval(`() => performance.getEntriesByType("navigation")[0].type`).Str(); state != "navigate" {
		t.Errorf("the page was loaded again: %s", state)
	}
	v.until("the broadcast goes on", func() bool { return number(v.part("#live .big")) > 0 })

	h.wxcast(t, "user", "disable", "demo")
	v.says("You are not signed in any more")
}
