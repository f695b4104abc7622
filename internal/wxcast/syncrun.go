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
	New        int64
	Updated    int64
	Unfollowed int64
	// The calls made, over all resumptions: user/get, user/info/batchget, and
	// user/info for those whose batch was in doubt.
	ListCalls   int64
	DetailCalls int64
	SingleCalls int64
}

// SyncProgress is what one batch of details adds to its run.
type SyncProgress struct {
	New, Updated, DetailCalls, SingleCalls int64
}
