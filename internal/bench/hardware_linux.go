package bench

import "github.com/prometheus/procfs"

// hardware is the processor's name and the memory in MiB, as far as they can be found out.
func hardware() (processor string, memoryMiB int) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return "", 0
	}
	if cores, err := proc.CPUInfo(); err == nil && len(cores) > 0 {
		processor = cores[0].ModelName
	}
	if memory, err := proc.Meminfo(); err == nil && memory.MemTotalBytes != nil {
		memoryMiB = int(*memory.MemTotalBytes >> 20)
	}
	return processor, memoryMiB
}
