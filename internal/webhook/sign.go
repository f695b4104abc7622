// Package webhook passes what happened on to the company's other systems, by HTTP posts that
// are signed as Standard Webhooks has it.
package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Sign signs a body with each of some secrets, so that who reads it can tell that it is ours,
// and by the id whether it came before. Source:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func Sign(header http.Header, secrets []string, id string, now time.Time, body []byte) error {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		with, err := open(secret)
		if err == nil {
			signatures[i], err = with.Sign(id, now, body)
		}
		if err != nil {
			return err
		}
	}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// open reads a secret: whsec_ and base64, as the standard writes them, or any other text.
func open(secret string) (*standardwebhooks.Webhook, error) {
	if strings.HasPrefix(secret, "whsec_") {
		return standardwebhooks.NewWebhook(secret)
	}
	return standardwebhooks.NewWebhookRaw([]byte(secret))
}
