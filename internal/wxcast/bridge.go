package wxcast

// BridgeChanges is what one join did to the bridges. Changed are those that lead
// to another mini user now; they are not among the others.
type BridgeChanges struct {
	New, Changed, Removed int64
}

// Coverage is how many of an account's followers can be reached in one mini
// program.
type Coverage struct {
	Followers     int64 // current
	WithUnionID   int64 // of those
	MiniUsers     int64 // of the mini program, followers or not
	MiniUserKnown int64 // followers whose unionid a mini user has
	Joined        int64 // followers with a bridge
	// FollowerConflicts and MiniConflicts are the unionids on both sides that several
	// followers, or several mini users, have. Nobody is bridged by those.
	FollowerConflicts int64
	MiniConflicts     int64
}
