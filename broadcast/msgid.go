package broadcast

import (
	"crypto/rand"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// NewMessageKey is the random part that a broadcast's client_msg_ids share, so
// that a fresh database does not repeat the ids of the one before.
func NewMessageKey() string { return strings.ToLower(rand.Text()[:10]) }

// ClientMsgID is the delivery's client_msg_id, the same on every attempt: 24
// characters at most, of the 32 that are known to be safe.
func ClientMsgID(messageKey string, openid wxcast.OpenID) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(openid))
	return messageKey + "-" + strconv.FormatUint(h.Sum64(), 36)
}
