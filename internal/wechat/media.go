package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/url"
	"time"
)

const mediaUploadAPI = "/cgi-bin/media/upload"

// mediaLife is how long a temporary medium lives. Source: api_uploadtempmedia, read 2026-11.
const mediaLife = 3 * 24 * time.Hour

type mediaReply struct {
	status
	MediaID   string `json:"media_id"`
	CreatedAt int64  `json:"created_at"` // Unix seconds
}

// UploadImage hands WeChat a picture, jpg, png, gif or bmp below 10 MB, for the cards to show.
// expires is when its media id ends. An upload shows nothing to anybody, so one whose answer
// was lost is made again: it costs a call of the day's quota.
func (c *Client) UploadImage(ctx context.Context, name string, image []byte) (mediaID string, expires time.Time,
	err error) {
	body, contentType, err := imageForm(name, image)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("pack %s: %w", name, err)
	}
	r := request{path: mediaUploadAPI, query: url.Values{"type": {"image"}}, body: body, contentType: contentType}
	out, err := patiently(ctx, func() (mediaReply, error) { return callAs[mediaReply](ctx, c, r) })
	if err != nil {
		return "", time.Time{}, err
	}
	if out.MediaID == "" {
		return "", time.Time{}, &Error{Path: mediaUploadAPI, Err: errors.New("the reply names no media id")}
	}
	created := time.Now()
	if out.CreatedAt > 0 {
		created = time.Unix(out.CreatedAt, 0)
	}
	return out.MediaID, created.Add(mediaLife).UTC(), nil
}

// imageForm is a form with the picture in its field "media", as the SDK makes it.
func imageForm(name string, image []byte) (body []byte, contentType string, err error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("media", name)
	if err == nil {
		_, err = part.Write(image)
	}
	if err = errors.Join(err, form.Close()); err != nil { // the form's end is written by Close
		return nil, "", err
	}
	return b.Bytes(), form.FormDataContentType(), nil
}
