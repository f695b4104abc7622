package config

import (
	"os"
	"slices"
	"strings"
)

// ForeignEnviron is the process's environment without what configures wxcast, for a wxcast
// that is to be configured anew.
func ForeignEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "WXCAST_") })
}
