package template

import (
	"hash/fnv"
	"strconv"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// ClientMsgID is the delivery's client_msg_id, the same on every attempt: 24
// characters at most, of the 32 that are known to be safe. message is which single message to
// the person it is; 0 in a broadcast.
func ClientMsgID(messageKey string, openid wxcast.OpenID, message int64) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(openid))
	if message != 0 {
		_, _ = h.Write(strconv.AppendInt([]byte{' '}, message, 10))
	}
	return messageKey + "-" + strconv.FormatUint(h.Sum64(), 36)
}
