//go:build !linux

package bench

// hardware is not found out elsewhere than on Linux: published figures are from there.
func hardware() (processor string, memoryMiB int) { return "", 0 }
