package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// PasswordMin and PasswordMax are how long a password is, in characters and bytes.
const (
	PasswordMin = 12
	PasswordMax = 256
)

// What argon2id takes: OWASP's Password Storage Cheat Sheet, read 2026-11-29, asks for at
// least 19 MiB and two passes.
const (
	argonPasses  = 2
	argonKiB     = 19 << 10
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// hashing bounds how many passwords are hashed at a time: each takes memory, and strangers ask
// for it.
var hashing = make(chan struct{}, 4)

// CheckPassword refuses a password that is easily guessed.
func CheckPassword(password, name string) error {
	bad := func(code string, pairs ...any) error {
		return &wxcast.BadInput{Key: "password", Problem: wxcast.Say(code, pairs...),
			Want: wxcast.Say("user.want_password", "least", PasswordMin)}
	}
	switch {
	case utf8.RuneCountInString(password) < PasswordMin:
		return bad("user.short_password")
	case len(password) > PasswordMax:
		return bad("user.long_password")
	case simple(password), strings.Contains(strings.ToLower(password), strings.ToLower(name)):
		return bad("user.guessable_password")
	}
	return nil
}

// simpleMost is how many different characters a password has that is easily guessed.
const simpleMost = 5

// simple tells whether a password is made of few characters, is a row such as abcdef, or the
// same again and again.
func simple(password string) bool {
	letters, row := map[rune]bool{}, true
	runes := []rune(password)
	for i, r := range runes {
		letters[r] = true
		row = row && (i < 2 || r-runes[i-1] == runes[i-1]-runes[i-2])
	}
	for n := 1; n <= len(runes)/2; n++ {
		if slices.Equal(runes[n:], runes[:len(runes)-n]) { // every n characters, the same
			return true
		}
	}
	return row || len(letters) <= simpleMost
}

// HashPassword makes what is kept of a password, in the PHC form.
func HashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // it does not fail, or the program ends
	key, err := argon(ctx, password, salt, argonPasses, argonKiB, argonThreads)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonKiB, argonPasses, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), err
}

func argon(ctx context.Context, password string, salt []byte, passes, kib uint32, threads uint8) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, passes, kib, threads, argonKey), nil
}

// noPassword is a hash that no password has: who is not known takes as long to be refused as who is.
const noPassword = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// rightPassword tells whether a password is the one of a hash.
func rightPassword(ctx context.Context, password, hash string) (bool, error) {
	var version int
	var kib, passes uint32
	var threads uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false, nil
	}
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &kib, &passes, &threads)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	want, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || saltErr != nil || keyErr != nil || len(want) != argonKey || version != argon2.Version {
		return false, fmt.Errorf("a password's hash is damaged")
	}
	got, err := argon(ctx, password, salt, passes, kib, threads)
	return subtle.ConstantTimeCompare(got, want) == 1, err
}
