//go:build !unix

package siem

import (
	"errors"
	"net/url"
)

func toSyslog(*url.URL) func([]byte) error {
	return func([]byte) error { return errors.ErrUnsupported }
}
