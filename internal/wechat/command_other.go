//go:build !unix

package wechat

import "os/exec"

// alone: there are no process groups here; WaitDelay lets go of the output.
func alone(*exec.Cmd) {}
