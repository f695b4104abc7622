package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"time"
)

// uploadAPI is the path of temporary media.
const uploadAPI = "/cgi-bin/media/upload"

// Source: api_uploadtempmedia.
const (
	mediaLife = 3 * 24 * time.Hour
	imageMax  = 10 << 20
)

// imageTypes are what a picture may be, by its first bytes.
var imageTypes = []string{"image/jpeg", "image/png", "image/gif", "image/bmp"}

// mediaUpload takes a picture and hands out an id that lives three days.
func (s *Server) mediaUpload(c *call) (any, *fault) {
	if c.URL.Query().Get("type") != "image" { // wxcast uploads nothing else
		return nil, &fault{40004, "invalid media type"}
	}
	image := formFile(c.Header.Get("Content-Type"), c.body, "media")
	switch {
	case len(image) == 0:
		return nil, &fault{41005, "media data missing"}
	case len(image) > imageMax:
		return nil, &fault{40006, "invalid media size"}
	case !slices.Contains(imageTypes, http.DetectContentType(image)):
		return nil, &fault{40005, "invalid file type"}
	}
	s.requests++
	now := s.now()
	id := fmt.Sprintf("sim%016x%016x-%016x", s.world.hash(s.requests, 40), s.world.hash(s.requests, 41),
		s.world.hash(s.requests, 42))
	s.media[id] = now.Add(mediaLife)
	sum := sha256.Sum256(image)
	s.pictures = append(s.pictures, hex.EncodeToString(sum[:]))
	return struct {
		Type      string `json:"type"`
		MediaID   string `json:"media_id"`
		CreatedAt int64  `json:"created_at"`
	}{"image", id, now.Unix()}, nil
}

// Pictures are the SHA-256 in hex of the pictures that were uploaded, one after another.
func (s *Server) Pictures() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pictures)
}

// formFile is the file in a field of a form; nil where there is none.
func formFile(contentType string, body []byte, field string) []byte {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return nil
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil
		}
		if part.FormName() != field || part.FileName() == "" {
			continue
		}
		raw, err := io.ReadAll(part)
		if err != nil {
			return nil
		}
		return raw
	}
}
