package console_test

import (
	"bytes"
	"mime/multipart"
	"os"
	"strings"
	"testing"
	"time"
)

// What is uploaded holds people's ids, and is in no folder any more when the page is answered.
func TestAnUploadLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	each(t, nil, func(t *testing.T, w *world) {
		b := w.as("han", true, "operator")
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		file, err := form.CreateFormFile("file", "mini.csv")
		if err != nil {
			t.Fatal(err)
		}
		// More than is kept in memory.
		if _, err := file.Write([]byte("unionid,openid\nu1,m1\n" + strings.Repeat("\n", 40<<20))); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		answer, err := b.Post(w.url+"/accounts/default/mini-users", form.FormDataContentType(), &body)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		left := func() (names []string) {
			all, _ := os.ReadDir(tmp)
			for _, e := range all {
				if strings.HasPrefix(e.Name(), "multipart-") {
					names = append(names, e.Name())
				}
			}
			return names
		}
		for until := time.Now().Add(10 * time.Second); len(left()) > 0 && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond) // it goes when the page has been answered
		}
		if names := left(); len(names) > 0 {
			t.Errorf("%v are left behind", names)
		}
	})
}
