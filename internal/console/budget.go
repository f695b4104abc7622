package console

import (
	"sync"
	"time"
)

const (
	// countedAtOnce is how much is counted at a time: a list that is looked at first after a restart
	// would have all of its broadcasts counted at the same moment.
	countedAtOnce = 2
	// countedShare bounds how much of the time all counting takes together, to one part in so many;
	// countedFirst is what may be counted at once, and is paid for afterwards.
	countedShare = 5
	countedFirst = time.Second
)

// budget bounds what counting takes, however much there is to count. It is safe for concurrent use.
type budget struct {
	places chan struct{}
	mu     sync.Mutex
	paid   time.Time // when all that was counted is paid for
}

func newBudget() *budget {
	return &budget{places: make(chan struct{}, countedAtOnce), paid: time.Now()}
}

// take waits until something may be counted. The counting is over when what it returns is called.
func (b *budget) take() (done func()) {
	b.places <- struct{}{}
	b.mu.Lock()
	debt := time.Until(b.paid) - countedShare*countedFirst
	b.mu.Unlock()
	time.Sleep(debt)
	began := time.Now()
	return func() {
		now := time.Now()
		b.mu.Lock()
		if b.paid.Before(now) {
			b.paid = now
		}
		b.paid = b.paid.Add(countedShare * now.Sub(began))
		b.mu.Unlock()
		<-b.places
	}
}
