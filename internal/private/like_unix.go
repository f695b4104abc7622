//go:build unix

package private

import (
	"os"
	"syscall"
)

// Like gives a file the owner, the group and the mode of another one: who reads that reads this.
func Like(path, other string) error {
	info, err := os.Stat(other)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, info.Mode().Perm())
}
