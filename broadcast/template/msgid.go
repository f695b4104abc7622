package template

import (
	"hash/fnv"
	"strconv"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// ClientMsgID is the delivery's client_msg_id, the same on every attempt: 24
// characters at most, of the 32 that are known to be safe.
func ClientMsgID(messageKey string, openid wxcast.OpenID) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(openid))
	return messageKey + "-" + strconv.FormatUint(h.Sum64(), 36)
}
