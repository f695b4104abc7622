package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Results are what a broadcast's messages brought about so far: people, each once.
type Results struct {
	Came      int64  `json:"came" doc:"to the mini program, by a message"`
	Converted int64  `json:"converted" doc:"of those, who then did what is wanted within 7 days"`
	Amount    string `json:"amount" doc:"of that, such as 12.50"`
	// ByChannel are the same by the channel of the message.
	ByChannel map[string]ChannelResults `json:"by_channel"`
	// Holdout compares all people of the broadcast with those who got nothing; nil where there
	// were none.
	Holdout *Holdout `json:"holdout,omitempty"`
}

// ChannelResults are those by one channel.
type ChannelResults struct {
	Came      int64  `json:"came"`
	Converted int64  `json:"converted"`
	Amount    string `json:"amount"`
}

// Group is one of the two groups of a comparison.
type Group struct {
	People    int64   `json:"people"`
	Converted int64   `json:"converted" doc:"within 7 days of the broadcast's start, whether they came by it or not"`
	Share     float64 `json:"share"`
	Amount    string  `json:"amount"`
}

// Holdout is what the message itself did: how many more of those to whom it went converted than
// of those who were held out, by chance.
type Holdout struct {
	Treated Group `json:"treated"`
	HeldOut Group `json:"held_out"`
	// Lift is the difference of the shares; Low and High hold it with a probability of 95 %.
	Lift float64 `json:"lift"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func newResults(r wxcast.Results, a wxcast.Audience) *Results {
	out := &Results{Came: r.Came, Converted: r.Converted, Amount: amount(r.Amount),
		ByChannel: map[string]ChannelResults{}}
	for channel, one := range r.ByChannel {
		out.ByChannel[channel] = ChannelResults{one.Came, one.Converted, amount(one.Amount)}
	}
	if a.Holdout > 0 {
		out.Holdout = compare(r.Treated, r.HeldOut)
	}
	return out
}

// amount is one in hundredths as people write it.
func amount(hundredths int64) string { return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100) }

// compare compares two groups. The interval is Newcombe's, of Wilson's scores: it is right for
// small shares and small groups, too. Source: Newcombe, "Interval estimation for the difference
// between independent proportions", Statistics in Medicine 17 (1998), method 10.
func compare(treated, held wxcast.GroupResults) *Holdout {
	group := func(g wxcast.GroupResults) (out Group, low, high float64) {
		out = Group{People: g.People, Converted: g.Converted, Amount: amount(g.Amount)}
		if g.People == 0 {
			return out, 0, 1
		}
		n := float64(g.People)
		out.Share = float64(g.Converted) / n
		const z = 1.959964
		middle := out.Share + z*z/(2*n)
		spread := z * math.Sqrt(out.Share*(1-out.Share)/n+z*z/(4*n*n))
		return out, (middle - spread) / (1 + z*z/n), (middle + spread) / (1 + z*z/n)
	}
	h := &Holdout{}
	var lowT, highT, lowH, highH float64
	h.Treated, lowT, highT = group(treated)
	h.HeldOut, lowH, highH = group(held)
	t, o := h.Treated.Share, h.HeldOut.Share
	h.Lift = t - o
	h.Low = h.Lift - math.Sqrt((t-lowT)*(t-lowT)+(highH-o)*(highH-o))
	h.High = h.Lift + math.Sqrt((highT-t)*(highT-t)+(o-lowH)*(o-lowH))
	return h
}

// Says tells the results in words, a line each.
func (r *Results) Says(lang text.Lang, sent int64) (lines []string) {
	if r == nil {
		return nil
	}
	lines = append(lines, lang.T("results.came", "came", r.Came, "share", text.Share(r.Came, sent), "converted",
		r.Converted, "amount", r.Amount))
	if len(r.ByChannel) > 1 {
		var names []string
		for name := range r.ByChannel {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			one := r.ByChannel[name]
			lines = append(lines, lang.T("results.by_channel", "channel", wxcast.Say("channel."+name), "came", one.Came,
				"converted", one.Converted, "amount", one.Amount))
		}
	}
	if h := r.Holdout; h != nil {
		points := func(f float64) string { return fmt.Sprintf("%+.2f", 100*f) }
		lines = append(lines, lang.T("results.holdout", "treated", text.Share(h.Treated.Converted, h.Treated.People),
			"of", h.Treated.People, "held", text.Share(h.HeldOut.Converted, h.HeldOut.People), "out", h.HeldOut.People,
			"lift", points(h.Lift), "low", points(h.Low), "high", points(h.High)))
	}
	return lines
}
