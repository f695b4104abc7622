package wxcast

import "time"

// SyncMode says which followers a sync asks details for.
type SyncMode string

// The modes of a sync.
const (
	// SyncIncremental asks for the new, the returned and those without unionid.
	SyncIncremental SyncMode = "incremental"
	// SyncFull asks for everyone.
	SyncFull SyncMode = "full"
)

// SyncRun is one pass over an account's followers, with its checkpoint.
type SyncRun struct {
	ID        int64
	AccountID int64
	Mode      SyncMode
	StartedAt time.Time
	// Pages is how many pages of the listing are stored; NextOpenID is the
	// cursor behind the last of them.
	Pages      int
	NextOpenID OpenID
	Listed     int64
	ListedAll  bool
	Total      int64 // WeChat's own count, from the latest page
	// Fetched is, in a full run, how many pages have all their details stored.
	Fetched    int
	Asked      int64 // followers whose details were asked for
	New        int64
	Updated    int64
	Unfollowed int64
	// The calls made, over all resumptions: user/get, user/info/batchget, and
	// user/info for those whose batch was in doubt.
	ListCalls   int64
	DetailCalls int64
	SingleCalls int64
}

// EndedSyncRun is a run with its end.
type EndedSyncRun struct {
	SyncRun
	FinishedAt time.Time // UTC; zero while it is unfinished
	Outcome    string    // "done", or why it stopped for good
}

// Told is what WeChat told of some people.
type Told struct {
	AskedAt   time.Time // when the first of them was asked for, UTC: what is known since counts
	Followers []Follower
	Gone      []OpenID
}

// SyncProgress is what one write of details adds to its run.
type SyncProgress struct {
	Asked, New, Updated, DetailCalls, SingleCalls int64
	// Fetched is the last page up to which all details are stored now; 0 when
	// that is not counted.
	Fetched int
}

// ListingPage is one page of WeChat's list of followers.
type ListingPage struct {
	Number  int // from 1
	OpenIDs []OpenID
	Next    OpenID // the cursor behind it
	Total   int64  // how many followers WeChat says there are
}
