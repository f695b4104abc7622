//go:build unix

package wechat

import (
	"os/exec"
	"syscall"
)

// alone runs a command in a process group of its own, which ends as a whole: a child that
// holds its output open would keep us waiting.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
