package wxcast

import "time"

// LockHolder says who has a lock of the store, such as an account's sync lock.
type LockHolder struct {
	Holder string    // host and process, for people
	Since  time.Time // UTC
	Until  time.Time // it lapses then unless it is renewed, UTC
}
