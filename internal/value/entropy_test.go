package value_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/value"
)

func TestGuessableSecretsAreKnown(t *testing.T) {
	for _, secret := range []string{strings.Repeat("a", 64), strings.Repeat("secret", 8),
		strings.Repeat("0123456789", 4),
		"abcdefghijklmnopqrstuvwxyz012345", "00000000000000000000000000000001", strings.Repeat("changeme-", 5),
		"passwordpasswordpassword12345678", strings.Repeat("Xk29fLq0", 5)} {
		if !value.Guessable(secret) {
			t.Errorf("%s is taken for random", secret)
		}
	}
	for _, secret := range []string{"93d48fefe3becd30ad30fec20fbececd"} { // one that was drawn
		if value.Guessable(secret) {
			t.Errorf("%s is said to be guessable", secret)
		}
	}
	for range 5000 {
		raw := make([]byte, 24)
		_, _ = rand.Read(raw)
		for _, secret := range []string{hex.EncodeToString(raw[:16]), base64.StdEncoding.EncodeToString(raw),
			rand.Text() + rand.Text()[:6]} {
			if value.Guessable(secret) {
				t.Fatalf("%s was drawn at random, and is said to be guessable", secret)
			}
		}
	}
}
