package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// totpPeriod is how long a code stands, in seconds (RFC 6238); the one before and the one
// after are good, too: clocks differ.
const totpPeriod = 30

// NewTOTP makes a second factor: 160 random bits, in base32.
func NewTOTP() string {
	secret := make([]byte, 20)
	_, _ = rand.Read(secret) // it does not fail, or the program ends
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// TOTPURL is what an authenticator app reads from a QR code.
func TOTPURL(secret, name, issuer string) string {
	return "otpauth://totp/" + url.PathEscape(issuer+":"+name) + "?" +
		url.Values{"secret": {secret}, "issuer": {issuer}}.Encode()
}

// totpStep is the step that a code is of around a time; false where it is of none.
func totpStep(code, secret string, now time.Time) (step int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	at := now.Unix() / totpPeriod
	for _, step := range []int64{at - 1, at, at + 1} {
		want, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix})
		if err == nil && subtle.ConstantTimeCompare([]byte(code), []byte(want)) == 1 {
			return step, true
		}
	}
	return 0, false
}
