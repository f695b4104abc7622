package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/pprof"

	"github.com/wxcast/wxcast/internal/private"
)

const (
	// blockEvery is the time blocked, in nanoseconds, of which one event is kept: a
	// goroutine that waits that long is told of, shorter waits by chance.
	blockEvery = 10_000
	// mutexEvery is how many waits for a mutex stand for one that is kept.
	mutexEvery = 10
)

// startProfile measures this process until stop is called, which writes the profiles:
// CPU time, allocations, and what goroutines waited for.
func startProfile(dir string) (stop func() error, err error) {
	if err := private.Folder(dir); err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	f, err := private.Create(filepath.Join(dir, "cpu.pprof"))
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	runtime.SetBlockProfileRate(blockEvery)
	runtime.SetMutexProfileFraction(mutexEvery)
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("--profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		err := f.Close()
		for _, name := range []string{"allocs", "block", "mutex"} {
			err = errors.Join(err, writeProfile(dir, name))
		}
		if err != nil {
			return fmt.Errorf("--profile: %w", err)
		}
		return nil
	}, nil
}

func writeProfile(dir, name string) error {
	f, err := private.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(f, 0), f.Close())
}
