package wxcast

import "time"

// Audience chooses followers. Its zero value is every current follower; each field
// that is set narrows it.
type Audience struct {
	MiniID        int64  // of the mini program whose bridges count; always set
	OpenID        OpenID // this follower alone
	Bridged       *bool  // joined to a user of that mini program, or not
	TagsAny       []int  // WeChat's tag ids
	TagsAll       []int
	TagsNone      []int
	Scenes        []string // subscribe_scene, such as ADD_SCENE_QR_CODE
	FollowedFrom  time.Time
	FollowedUntil time.Time // not included
	// Unfollowed takes those who left, too.
	Unfollowed bool
}
