package world

// Some states that a world is in are worth having been in: promises are hard to keep there.
const (
	lostCommit     = "the answer to a COMMIT is lost"
	takenOver      = "the work of a dead process is taken over"
	slowedDown     = "WeChat asks for a slower pace"
	canaryWell     = "a canary lets the others follow"
	pausesItself   = "a broadcast pauses itself"
	noHeartbeat    = "a heartbeat fails"
	callbackNot    = "a callback cannot be kept"
	syncGoesOn     = "a sync goes on where another was killed"
	deadToken      = "a token is dead before its time"
	triedAgain     = "a lost outcome is tried again, and WeChat takes it for a repeat"
	isUnknown      = "an outcome is unknown"
	unknownNotSent = "an outcome is unknown, and nothing had left"
	nextChannel    = "the next channel takes over"
	killedInCommit = "a process is killed between a COMMIT and its answer"
	killedAfter    = "a process is killed when an answer or a callback has come"
	overMidnight   = "a broadcast takes several days' quota"
	controlled     = "some of a broadcast's people are its control group"
	cameBy         = "a person comes by a message"
	passedOn       = "a person comes by a message to another"
	quotaBefore    = "a broadcast begins when the day's quota is gone"
	stoppedAlone   = "a channel stops alone"
	longLife       = "a process lives through all days"

	// On Postgres alone, whose transactions run beside each other.
	waitedForLock = "a transaction waits for another's lock"
	lockNotHad    = "a lock is not had in time"
	endedIdle     = "Postgres ends a transaction that stands still"
)

// worthReaching are those that a run in CI must have reached, over all of its seeds.
var worthReaching = []string{lostCommit, takenOver, slowedDown, canaryWell, noHeartbeat, callbackNot,
	triedAgain, isUnknown, nextChannel, killedInCommit, killedAfter, overMidnight, syncGoesOn, deadToken, controlled,
	cameBy, passedOn, stoppedAlone,
	string(aKill), string(aPause), string(aStop), string(lostAnswers), string(lostCalls), string(busy),
	string(tooFast), string(badGateway), string(slow), string(tokenDies), string(banned),
	string(aStoreAway), string(anOutage)}

// logged are what a line of the log tells, by words of it.
var logged = map[string]string{
	"the work of a dead process is taken over":  takenOver,
	"slowing down: WeChat":                      slowedDown,
	"the canary is well":                        canaryWell,
	"broadcast paused":                          pausesItself,
	"broadcast stopped\"":                       pausesItself,
	"channel stopped; the broadcast's others":   stoppedAlone,
	"no heartbeat: the store does not answer":   noHeartbeat,
	"callback not kept":                         callbackNot,
	"continuing an unfinished sync":             syncGoesOn,
	"refuses a token that should have lived on": deadToken,
}
