package wxcast

// BridgeChanges is what one join did to the bridges.
type BridgeChanges struct {
	New, Changed, Removed int64
}
