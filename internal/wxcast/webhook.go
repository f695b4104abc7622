package wxcast

import "time"

// Webhook is how far one of the company's systems has taken the events.
type Webhook struct {
	Name         string
	Seq          int64     // the last event that it took, or is not asked to take
	UpTo         int64     // the last of those that it did not take together; 0 while all goes well
	TakenAt      time.Time // when it last took one, UTC, as the others; zero for never
	FailingSince time.Time // since when it does not take the next; zero while all goes well
	Tries        int       // how often that was tried
	RetryAt      time.Time // when it is tried again
	Why          string    // why it was not taken; holds no address and no secret
	SetAsideAt   time.Time // it is tried no more until somebody says so; zero while it is
}
