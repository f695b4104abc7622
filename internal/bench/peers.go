package bench

import (
	"fmt"
	"slices"
)

// Peer is what a broadcaster does on two cores with 100 connections. What was not
// measured, or does not apply, is 0 or empty.
type Peer struct {
	Name string
	// PerSecond by the milliseconds that an answer takes; Any where that is not what
	// limits it.
	PerSecond map[int64]float64
	Any       float64
	PeakMiB   float64
	// Rows tells whether each recipient has a durable row.
	Rows string
	// Lost of 100,000 recipients when the process is killed in the middle.
	Lost string
}

// Peers are figures that our users know: of listmonk at 911e0b7 (2026-07-21), an e-mail
// broadcaster on the same stack (Go, sqlx, lib/pq), built from source and measured on two
// cores with Postgres 15 and a local sink that answers late; and what people say of loops
// over an SDK in public threads.
var Peers = []Peer{
	{Name: "listmonk, concurrency 100 (e-mail)", PerSecond: map[int64]float64{0: 21_000, 20: 4690, 100: 990},
		PeakMiB: 1024, Rows: "no", Lost: "45,000 to 60,000"},
	{Name: "listmonk, out of the box", Any: 82.6, Rows: "no"},
	{Name: "loop over a PHP SDK", Any: 60, Rows: "no"},
	{Name: "what its users ask for", Any: 167},
}

// peerConnections is what the peers were measured with.
const peerConnections = 100

// OurPeers are our own figures in a result, by engine.
func OurPeers(result *Result) (all []Peer) {
	for _, engine := range both {
		p := Peer{Name: "wxcast on " + engine, PerSecond: map[int64]float64{}, Rows: "yes"}
		for _, r := range result.Rows {
			if r.Engine != engine || r.Part != "broadcast" || r.InFlight != peerConnections {
				continue
			}
			p.PeakMiB = max(p.PeakMiB, r.PeakMiB)
			if r.What == asItGoes {
				p.PerSecond[r.LatencyMS] = r.PerSecond
			}
		}
		for _, b := range result.Bars {
			if b.Engine == engine && b.What == withoutMessage {
				p.Lost = fmt.Sprint(b.Value)
			}
		}
		if len(p.PerSecond) > 0 {
			all = append(all, p)
		}
	}
	slices.Reverse(all) // Postgres first, as theirs
	return all
}
