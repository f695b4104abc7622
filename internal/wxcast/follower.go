package wxcast

import "time"

// Follower is a person who follows an official account, as WeChat last told.
type Follower struct {
	OpenID  OpenID
	UnionID UnionID // "" when WeChat gave none
	// Subscribed is false once the person has unfollowed.
	Subscribed    bool
	SubscribeTime time.Time // UTC; zero when WeChat gave none
	// Scene is WeChat's subscribe_scene, such as ADD_SCENE_QR_CODE.
	Scene  string
	Remark string
	Tags   []int
}

// FollowerRef is a listed openid that still needs its details.
type FollowerRef struct {
	OpenID OpenID
	// Known is true when the store already has a row for it.
	Known bool
	// Page is the listing's page that it was read from; 0 when it was not.
	Page int
	// Missing is true for a follower whom the complete listing lacks.
	Missing bool
}

// FollowerState tells whether a stored follower follows still.
type FollowerState struct {
	OpenID     OpenID
	Subscribed bool
}

// FollowerCounts is how many followers an account has, by what is known.
type FollowerCounts struct {
	Followers   int64 `json:"followers" db:"followers"`       // subscribed now
	WithUnionID int64 `json:"with_unionid" db:"with_unionid"` // of those, with a unionid
	Unfollowed  int64 `json:"unfollowed" db:"unfollowed"`     // rows kept of people who left
}

// MiniUser is a person inside one mini program.
type MiniUser struct {
	MiniOpenID MiniOpenID
	UnionID    UnionID
}

// ImportMode says what an import of mini users does beside adding and changing.
type ImportMode struct {
	// Replace removes the mini users that the source lacks, unless they are more
	// than MaxRemoveShare (0 to 1) of all.
	Replace        bool
	MaxRemoveShare float64
}

// ImportCounts is what an import of mini users did.
type ImportCounts struct{ Inserted, Updated, Removed int64 }

// Growth is how many followers came and left.
type Growth struct {
	Gained, Lost int64
}
