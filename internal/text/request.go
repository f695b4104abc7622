package text

import (
	"net/http"
	"strings"
)

// OfRequest is Chinese where a request's Accept-Language begins with it, English elsewhere.
func OfRequest(r *http.Request) Lang {
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "zh") {
		return Chinese
	}
	return English
}
