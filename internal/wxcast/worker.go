package wxcast

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

// NewWorkerName names a worker or the holder of a lock. No two are the same: containers may
// share both a host's name and a process's number, so part of it is random.
func NewWorkerName() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), strings.ToLower(rand.Text()[:8]))
}
