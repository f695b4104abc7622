package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wxcast/wxcast/sql/storetest/pgserver"
)

// frozen is a process whose clocks stand still while it is stopped, as those of a virtual machine
// that is suspended. Go asks a page of the kernel's for the time, the vDSO. In this one process its
// code is replaced by one that asks the kernel, and takes off how long the process was frozen. The
// program itself is the one that is released.
type frozen struct {
	pid     int
	mem     *os.File
	asks    uint64 // where the code is
	stopped time.Time
	off     time.Duration // how far its clocks are behind
}

// clockCode is clock_gettime for amd64, less the numbers at its end: nanoseconds, then seconds.
var clockCode = []byte{
	0xB8, 228, 0, 0, 0, // mov eax, clock_gettime
	0x0F, 0x05, // syscall
	0x48, 0x8B, 0x15, 28, 0, 0, 0, // mov rdx, [nanoseconds]
	0x48, 0x29, 0x56, 0x08, // sub [rsi+8], rdx
	0x79, 11, // jns over the carry
	0x48, 0x81, 0x46, 0x08, 0x00, 0xCA, 0x9A, 0x3B, // add qword [rsi+8], 1e9
	0x48, 0xFF, 0x0E, // dec qword [rsi]
	0x48, 0x8B, 0x15, 12, 0, 0, 0, // mov rdx, [seconds]
	0x48, 0x29, 0x16, // sub [rsi], rdx
	0xC3, // ret
}

// freezable gives a running process such clocks.
func freezable(pid int) (*frozen, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("%w: clocks are frozen on Linux on amd64 alone", pgserver.ErrNotHere)
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pgserver.ErrNotHere, err)
	}
	f := &frozen{pid: pid, mem: mem}
	if f.asks, err = f.find("__vdso_clock_gettime"); err != nil {
		f.close()
		return nil, err
	}
	if err = f.write(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *frozen) close() { _ = f.mem.Close() }

// find is where a function of the process's vDSO stands.
func (f *frozen) find(function string) (uint64, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", f.pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if !strings.Contains(line, "[vdso]") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			return 0, err
		}
		image := make([]byte, to-from)
		if _, err := f.mem.ReadAt(image, int64(from)); err != nil {
			return 0, err
		}
		file, err := elf.NewFile(bytes.NewReader(image))
		if err != nil {
			return 0, err
		}
		symbols, err := file.DynamicSymbols()
		if err != nil {
			return 0, err
		}
		for _, s := range symbols {
			if s.Name == function {
				return from + s.Value, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: the vDSO has no %s", pgserver.ErrNotHere, function)
}

// write stops the process at a moment when none of its threads is reading the time, writes the
// code with its numbers, and lets it go on. A process that is stopped already stays so.
func (f *frozen) write() error {
	numbers := binary.LittleEndian.AppendUint64(nil, uint64(f.off%time.Second))
	numbers = binary.LittleEndian.AppendUint64(numbers, uint64(f.off/time.Second))
	code := append(bytes.Clone(clockCode), numbers...)
	if !f.stopped.IsZero() {
		_, err := f.mem.WriteAt(code, int64(f.asks))
		return err
	}
	if err := f.stop(); err != nil {
		return err
	}
	_, err := f.mem.WriteAt(code, int64(f.asks))
	return errors.Join(err, syscall.Kill(f.pid, syscall.SIGCONT))
}

// codeMost is more than the code is long that reads the time, the kernel's own or ours.
const codeMost = 1024

// stop stops the process outside what reads the time.
func (f *frozen) stop() error {
	for range 100 {
		if err := syscall.Kill(f.pid, syscall.SIGSTOP); err != nil {
			return err
		}
		inside, err := f.anyInside(f.asks, f.asks+codeMost)
		if err != nil || !inside {
			return err
		}
		if err := syscall.Kill(f.pid, syscall.SIGCONT); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("process %d is always reading the time", f.pid)
}

// anyInside waits until all threads of the process stand, and tells whether one does so there.
func (f *frozen) anyInside(from, to uint64) (bool, error) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", f.pid))
		if err != nil {
			return false, err
		}
		inside, running := false, len(threads) == 0
		for _, name := range threads {
			raw, err := os.ReadFile(name)
			if err != nil {
				return false, err
			}
			fields := strings.Fields(string(raw)) // the last one is where it stands
			at, err := strconv.ParseUint(fields[len(fields)-1], 0, 64)
			if err != nil { // "running"
				running = true
				break
			}
			inside = inside || at >= from && at < to
		}
		if !running {
			return inside, nil
		}
	}
	return false, fmt.Errorf("process %d does not stop", f.pid)
}

// freeze stops the process, and its clocks with it.
func (f *frozen) freeze() error {
	if err := f.stop(); err != nil {
		return err
	}
	f.stopped = time.Now()
	return nil
}

// thaw lets it go on as if no time had gone by.
func (f *frozen) thaw() error {
	f.off += time.Since(f.stopped)
	if err := f.write(); err != nil {
		return err
	}
	f.stopped = time.Time{}
	return syscall.Kill(f.pid, syscall.SIGCONT)
}
