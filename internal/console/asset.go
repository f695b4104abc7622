package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// The files that pages load. htmx.min.js is htmx 2.0.11 (0BSD), as npm has it.
//
//go:embed static
var staticFiles embed.FS

// asset is a file that never changes under its address, which has its hash.
type asset struct {
	raw, zipped []byte
	kind        string // of content
}

type assets struct {
	hash string
	of   map[string]asset
}

// readAssets are those, read and zipped once in a program.
var readAssets = sync.OnceValue(newAssets)

func newAssets() assets {
	a := assets{of: map[string]asset{}}
	sum := sha256.New()
	names, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		panic(err) // the pattern is ours
	}
	for _, name := range names {
		raw, err := staticFiles.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum.Write(raw)
		var zipped bytes.Buffer
		z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is one that there is
		_, _ = z.Write(raw)                                        // into memory
		_ = z.Close()
		a.of[path.Base(name)] = asset{raw, zipped.Bytes(), mime.TypeByExtension(path.Ext(name))}
	}
	a.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	return a
}

// serve answers with a file. One of another version of the program, whose page is still open
// while it is replaced, gets the file of this one.
func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := a.of[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	if r.PathValue("hash") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	body := file.raw
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = file.zipped
	}
	_, _ = w.Write(body) // the browser may be gone
}
