package browser

import "github.com/go-rod/rod/lib/proto"

// param is a cookie as the browser takes it.
func param(h *house, name, value string) *proto.NetworkCookieParam {
	return &proto.NetworkCookieParam{Name: name, Value: value, URL: h.url, HTTPOnly: true}
}
