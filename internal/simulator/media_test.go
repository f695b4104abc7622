package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/simulator"
)

const uploadAPI = "/cgi-bin/media/upload"

var picture = []byte("\xff\xd8\xff\xe0 a jpg, as far as its first bytes tell")

// form posts a file in a field of a form.
func (a *account) form(url, field string, file []byte) map[string]any {
	a.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, "a.jpg")
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = part.Write(file)
	_ = w.Close()
	return read(a.t)(http.Post(url, w.FormDataContentType(), &b))
}

// upload uploads a picture, and is its media id.
func (a *account) upload() string {
	a.t.Helper()
	return fmt.Sprint(a.form(a.url(uploadAPI+"?type=image"), "media", picture)["media_id"])
}

// statusOf is the HTTP status of a call; 0 where the connection was cut.
func statusOf(t *testing.T, url, body string) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestUploads(t *testing.T) {
	a := newAccount(t, simulator.Options{Followers: 1})
	url := a.url(uploadAPI + "?type=image")
	before := a.sim.State().Now.Unix()
	first := a.form(url, "media", picture)
	created, err := first["created_at"].(json.Number).Int64()
	if code(first) != "ok" || first["type"] != "image" || len(fmt.Sprint(first["media_id"])) < 20 ||
		err != nil || created < before || created > a.sim.State().Now.Unix() || first["media_id"] == a.upload() {
		t.Errorf("%v", first)
	}
	for name, test := range map[string]struct{ got, want string }{
		"another field": {code(a.form(url, "file", picture)), "41005"},
		"an empty file": {code(a.form(url, "media", nil)), "41005"},
		"no form":       {code(post(t, url, "{}")), "41005"},
		"no picture":    {code(a.form(url, "media", []byte("<html>"))), "40005"},
		"a picture too big": {code(a.form(url, "media", append(bytes.Clone(picture), make([]byte, 10<<20)...))),
			"40006"},
		"a video":       {code(a.form(a.url(uploadAPI+"?type=video"), "media", picture)), "40004"},
		"GET":           {code(get(t, url)), "43002"},
		"a wrong token": {code(a.form(a.base+uploadAPI+"?type=image&access_token=x", "media", picture)), "40001"},
	} {
		if test.got != test.want {
			t.Errorf("%s: errcode %s, want %s", name, test.got, test.want)
		}
	}
	status := statusOf(t, url, strings.Repeat("x", 17<<20))
	if status != http.StatusRequestEntityTooLarge && status != 0 { // 0: while it was still being sent
		t.Errorf("17 MB: status %d", status)
	}
}
