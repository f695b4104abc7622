package broadcast

import (
	"sync"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// person is somebody as an API knows them.
type person struct {
	lane wxcast.Lane
	id   wxcast.Recipient
}

// serial keeps a process's calls for one person apart, where WeChat wants one after another.
type serial struct {
	mu   sync.Mutex
	busy map[person]chan struct{} // closed when the call that is under way has ended
}

// oneAtATime waits until no other call for a person is under way; the caller calls end when
// its own is over.
func (c *Crew) oneAtATime(lane wxcast.Lane, serial bool, id wxcast.Recipient) (end func()) {
	if !serial {
		return func() {}
	}
	p, mine := person{lane, id}, make(chan struct{})
	for {
		c.serial.mu.Lock()
		other, busy := c.serial.busy[p]
		if !busy {
			c.serial.busy[p] = mine
		}
		c.serial.mu.Unlock()
		if !busy {
			break
		}
		<-other
	}
	return func() {
		c.serial.mu.Lock()
		delete(c.serial.busy, p)
		c.serial.mu.Unlock()
		close(mine)
	}
}
