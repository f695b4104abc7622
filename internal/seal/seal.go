// Package seal keeps what is secret in the store from who can read the store alone: a
// database's backup, a replica, a stolen disk. The keys stand in a file of their own.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// keySize is that of AES-256.
const keySize = 32

// prefix begins a sealed text: "sealed:KEY:BASE64".
const prefix = "sealed:"

// Keys are the data keys: the first seals, all open. The zero Keys seal nothing.
type Keys struct{ all []key }

type key struct {
	id   string // names it and tells nothing of it
	aead cipher.AEAD
	mac  []byte
}

// Load reads a key file: a key of 32 bytes in base64 on each line, the one in use first. Empty
// lines and those that begin with # are left out. Errors are wxcast.Said.
func Load(file string) (Keys, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Keys{}, wxcast.NewError("seal.no_file", "file", file, "why", err).Of(err)
	}
	var k Keys
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(secret) != keySize {
			return Keys{}, wxcast.NewError("seal.no_key", "file", file, "line", number)
		}
		one, err := newKey(secret)
		if err != nil {
			return Keys{}, err
		}
		k.all = append(k.all, one)
	}
	if len(k.all) == 0 {
		return Keys{}, wxcast.NewError("seal.empty", "file", file)
	}
	return k, nil
}

// newKey derives what is used from a key: each use has a key of its own.
func newKey(secret []byte) (key, error) {
	part := func(use string, n int) []byte {
		out, err := hkdf.Key(sha256.New, secret, nil, "wxcast "+use, n)
		if err != nil {
			panic(err) // n is far below what HKDF can give
		}
		return out
	}
	block, err := aes.NewCipher(part("seal", keySize))
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCM(block)
	return key{hex.EncodeToString(part("id", 4)), aead, part("mac", keySize)}, err
}

// ID names the key that is in use; "" without any.
func (k Keys) ID() string {
	if len(k.all) == 0 {
		return ""
	}
	return k.all[0].id
}

// Seal seals a text with the key in use, for one place: about, such as "token wx…", has to be
// the same when it is opened. Without keys it is the text itself.
func (k Keys) Seal(text, about string) string {
	if len(k.all) == 0 {
		return text
	}
	nonce := make([]byte, k.all[0].aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	out := k.all[0].aead.Seal(nonce, nonce, []byte(text), []byte(about))
	return prefix + k.all[0].id + ":" + base64.RawStdEncoding.EncodeToString(out)
}

// Open opens what Seal has made; a text that is not sealed is returned as it is. Errors are
// wxcast.Said.
func (k Keys) Open(sealed, about string) (string, error) {
	rest, ok := strings.CutPrefix(sealed, prefix)
	if !ok {
		return sealed, nil
	}
	id, text, _ := strings.Cut(rest, ":")
	for _, one := range k.all {
		if one.id != id {
			continue
		}
		raw, err := base64.RawStdEncoding.DecodeString(text)
		if n := one.aead.NonceSize(); err == nil && len(raw) > n {
			if plain, err := one.aead.Open(nil, raw[:n], raw[n:], []byte(about)); err == nil {
				return string(plain), nil
			}
		}
		return "", wxcast.NewError("seal.damaged", "about", about)
	}
	return "", wxcast.NewError("seal.other_key", "about", about, "key", id)
}

// MAC is a keyed hash of data by the key of that name, in hex; ok is false where there is no
// such key. The name "" is that of no key: a plain hash, which proves nothing against who can
// write it anew.
func (k Keys) MAC(id string, data []byte) (sum string, ok bool) {
	if id == "" {
		plain := sha256.Sum256(data)
		return hex.EncodeToString(plain[:]), true
	}
	for _, one := range k.all {
		if one.id == id {
			mac := hmac.New(sha256.New, one.mac)
			_, _ = mac.Write(data)
			return hex.EncodeToString(mac.Sum(nil)), true
		}
	}
	return "", false
}
