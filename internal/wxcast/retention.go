package wxcast

import "time"

// Retention is how long each kind of row is kept; 0 is for ever.
type Retention struct {
	Deliveries      time.Duration // of broadcasts that are over, from their end; the counts stay
	Events          time.Duration // callbacks that were applied, and events for other systems
	SubscribeEvents time.Duration // callbacks that tell what people allowed (subscribe_msg_*)
	Lists           time.Duration // rows of list files, from when they were read
	Audit           time.Duration // the audit log
	FollowersGone   time.Duration // people who unfollowed, from then, with their bridges
	JobRuns         time.Duration // runs of jobs and of syncs
	Permits         time.Duration // consents, from when they were given, used or not
	Notices         time.Duration // daily reports, and alerts that are over
}
