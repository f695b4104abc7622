// Package visit marks the links of messages, so that the mini program can tell which message a
// person came by. A mark says which message it is, and is good for the person alone to whom that
// went.
package visit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// Param is the parameter of a page that bears a mark.
const Param = "wxv"

const (
	// macSize is enough where each guess takes a call with a session, and those are few.
	macSize = 8
	// markMax is longer than any mark.
	markMax = 64
)

// Of names a message: the broadcast that it is of, and which to the person; 0 of a broadcast's
// own.
type Of struct{ Broadcast, Message int64 }

// Mark is the mark of a message to a person. key is the account's own.
func Mark(key []byte, of Of, recipient string) string {
	return encode(of, mac(key, of, recipient))
}

func encode(of Of, mac []byte) string {
	raw := binary.AppendUvarint(nil, uint64(of.Broadcast))
	raw = binary.AppendUvarint(raw, uint64(of.Message))
	return base64.RawURLEncoding.EncodeToString(append(raw, mac...))
}

// errMark: it cannot be a mark of ours.
var errMark = errors.New("it is no mark of a message")

// Read reads a mark, whoever made it: which message it names, and whether it is that to a person.
func Read(mark string) (of Of, to func(key []byte, recipient string) bool, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(mark)
	if err != nil || len(mark) > markMax {
		return of, nil, errMark
	}
	broadcast, n := binary.Uvarint(raw)
	if n <= 0 {
		return of, nil, errMark
	}
	message, m := binary.Uvarint(raw[n:])
	if m <= 0 || len(raw) != n+m+macSize || broadcast > 1<<62 || message > 1<<62 {
		return of, nil, errMark
	}
	of = Of{int64(broadcast), int64(message)}
	if encode(of, raw[n+m:]) != mark { // a message has one mark
		return of, nil, errMark
	}
	return of, func(key []byte, recipient string) bool {
		return hmac.Equal(raw[n+m:], mac(key, of, recipient))
	}, nil
}

func mac(key []byte, of Of, recipient string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(of.Broadcast)),
		uint64(of.Message)))
	_, _ = h.Write([]byte(recipient))
	return h.Sum(nil)[:macSize]
}

// AddTo is a page with a mark in its query; a page of "" opens none, and gets no mark.
func AddTo(page, mark string) string {
	if mark == "" || page == "" {
		return page
	}
	path, fragment, has := strings.Cut(page, "#")
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	path = strings.TrimSuffix(path, "&") + separator + Param + "=" + mark
	if has {
		path += "#" + fragment
	}
	return path
}
