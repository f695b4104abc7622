package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Plan is what happens in a world. It follows from a seed; a shorter one tells the same story
// with what does not matter left out.
type Plan struct {
	Seed      uint64
	Days      int
	Followers int
	Quota     int64 // template messages a Beijing day
	Stays     bool  // its processes run through the nights, too, and nobody ends the first of them
	Acts      []Act // by day and time
}

// staying is the plan for processes that live as long as the world.
func (p Plan) staying() Plan {
	p.Stays, p.Acts = true, slices.Clone(p.Acts)
	for i, a := range p.Acts {
		if a.Do == aKill || a.Do == aStop {
			p.Acts[i].Who = 1
		}
	}
	return p
}

// deed is what somebody or something does.
type deed string

// The deeds: what people do, and what goes wrong.
const (
	aBroadcast  deed = "a broadcast by template messages"
	aCanary     deed = "a broadcast with a canary"
	aChannels   deed = "a broadcast by subscribe messages, then template messages"
	aMessage    deed = "a single message"
	aMessageBy  deed = "a single message by subscribe message, then template message"
	aConsent    deed = "people consent"
	aLeaving    deed = "a person leaves"
	aReturn     deed = "a person comes back"
	aVisit      deed = "people come by their messages"
	aKill       deed = "a process is killed"
	aPause      deed = "a process stands still"
	aStop       deed = "a process is stopped and begun again"
	aLostAnswer deed = "answers to COMMITs are lost"
	aStoreAway  deed = "the store is away"
	anOutage    deed = "WeChat is away"
	lostAnswers deed = "WeChat's answers are lost"
	lostCalls   deed = "calls to WeChat are lost"
	busy        deed = "WeChat is busy (-1)"
	tooFast     deed = "WeChat says too fast (45011)"
	badGateway  deed = "WeChat answers 502"
	slow        deed = "WeChat answers late"
	tokenDies   deed = "the token dies"
	clocks      deed = "WeChat's clock is elsewhere"
	banned      deed = "a template is banned"
)

// Act is a deed at its time.
type Act struct {
	Day   int
	Night bool          // it belongs to the night's sync, not to the day's work
	At    time.Duration // since that began
	Do    deed
	Who   int // the process, or how the deed is varied
	N     int // people, or steps until it happens
	Kind  kind
	For   time.Duration // how long it lasts, or until a process is begun again
}

func (a Act) String() string {
	when := fmt.Sprintf("day %d, %s after the beginning of work", a.Day+1, a.At.Round(100*time.Millisecond))
	if a.Night {
		when = fmt.Sprintf("night %d, %s after the beginning of the sync", a.Day+1, a.At.Round(100*time.Millisecond))
	}
	text := when + ": " + string(a.Do)
	switch a.Do {
	case aKill, aLostAnswer, aPause, aStop:
		text += fmt.Sprintf(" (process %d, at its step %d from then", a.Who+1, a.N)
		if a.Kind != "" {
			text += ", which is " + string(a.Kind)
		}
		text += ")"
	case aBroadcast, aCanary, aChannels, aConsent, aVisit:
		text += fmt.Sprintf(" (%d)", a.N)
	}
	if a.For > 0 {
		text += fmt.Sprintf(", for %s", a.For.Round(100*time.Millisecond))
	}
	return text
}

// NewPlan makes up so many days of an account.
func NewPlan(seed uint64, days int) Plan {
	rnd, visits, bans := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4)), rand.New(rand.NewPCG(seed, 5))
	p := Plan{Seed: seed, Days: days, Followers: 20 + rnd.IntN(60)}
	if crowds := rand.New(rand.NewPCG(seed, 6)); crowds.IntN(8) == 0 { // both processes work on one broadcast
		p.Followers += wxcast.SmallBroadcast * 3 / 2
	}
	p.Quota = int64(p.Followers * (4 + rnd.IntN(4)))
	if rnd.IntN(5) == 0 { // it lasts for several days
		p.Quota = int64(p.Followers/2 + rnd.IntN(p.Followers))
	}
	seconds := func(n int) time.Duration { return time.Duration(rnd.IntN(n*1000)) * time.Millisecond }
	for day := range days {
		add := func(do deed, within int, change func(a *Act)) {
			a := Act{Day: day, At: seconds(within), Do: do, Who: rnd.IntN(processes)}
			if change != nil {
				change(&a)
			}
			p.Acts = append(p.Acts, a)
		}
		for range 1 + rnd.IntN(2) {
			add([]deed{aBroadcast, aBroadcast, aCanary, aChannels}[rnd.IntN(4)], 10, func(a *Act) {
				a.N = 5 + rnd.IntN(45) // its rate
			})
		}
		for range rnd.IntN(6) {
			add([]deed{aMessage, aMessageBy}[rnd.IntN(2)], 25, func(a *Act) { a.N = rnd.IntN(p.Followers) })
		}
		for range rnd.IntN(4) {
			add([]deed{aConsent, aLeaving, aReturn}[rnd.IntN(3)], 15, func(a *Act) { a.N = 1 + rnd.IntN(20) })
		}
		for range 2 + rnd.IntN(6) {
			p.fault(rnd, add)
		}
		if rnd.IntN(2) == 0 {
			add(aKill, 1, func(a *Act) { a.Night, a.Who, a.N, a.For = true, 0, rnd.IntN(150), seconds(60) })
		}
		for range visits.IntN(3) {
			p.Acts = append(p.Acts, Act{Day: day, At: time.Duration(visits.IntN(30_000)) * time.Millisecond, Do: aVisit,
				N: 1 + visits.IntN(6)})
		}
		if bans.IntN(2) == 0 { // when the other channel may be done
			at := time.Duration(bans.IntN(15_000)) * time.Millisecond
			p.Acts = append(p.Acts,
				Act{Day: day, At: at, Do: aChannels, N: 5 + bans.IntN(20)},
				Act{Day: day, At: at + time.Duration(bans.IntN(10_000))*time.Millisecond, Do: banned, N: bans.IntN(2),
					For: time.Duration(1+bans.IntN(60)) * time.Second})
		}
	}
	slices.SortStableFunc(p.Acts, func(a, b Act) int { return int(a.when() - b.when()) })
	return p
}

// fault adds something that goes wrong.
func (p *Plan) fault(rnd *rand.Rand, add func(deed, int, func(*Act))) {
	kinds := []kind{"", "", toStore, commit, committed, toNetwork, answered}
	faults := []deed{aKill, aKill, aKill, aPause, aStop, aLostAnswer, aLostAnswer, aStoreAway, anOutage, lostAnswers,
		lostCalls, busy, tooFast, badGateway, slow, tokenDies, clocks}
	add(faults[rnd.IntN(len(faults))], 20, func(a *Act) {
		a.For = time.Duration(200+rnd.IntN(8000)) * time.Millisecond
		switch a.Do {
		case aKill:
			a.N, a.Kind = rnd.IntN(60), kinds[rnd.IntN(len(kinds))]
			if rnd.IntN(12) == 0 {
				a.For = 11*time.Minute + a.For
			}
		case aPause:
			a.N, a.Kind = rnd.IntN(60), kinds[rnd.IntN(len(kinds))]
			a.For *= 4
		case aStop:
			a.N = rnd.IntN(20)
		case aLostAnswer:
			a.N = 1 + rnd.IntN(3)
		case aStoreAway, anOutage:
			a.For /= 2
		case clocks:
			a.N = rnd.IntN(180) - 90 // seconds
		}
	})
}

// fastest is the highest rate at which anything of it is sent; single messages have the account's.
func (p Plan) fastest() (rate int64) {
	for _, a := range p.Acts {
		switch a.Do {
		case aBroadcast, aCanary, aChannels:
			rate = max(rate, int64(a.N))
		case aMessage, aMessageBy:
			rate = max(rate, accountsRate)
		}
	}
	return rate
}

// when is an act's time since the world began.
func (a Act) when() time.Duration {
	t := time.Duration(a.Day)*24*time.Hour + a.At
	if a.Night {
		t += workToNight
	}
	return t
}
