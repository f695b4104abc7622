package metrics

import "github.com/prometheus/client_golang/prometheus"

// doors are what /metrics tells about those who were not let in.
type doors struct{ turnedAway *prometheus.CounterVec }

func newDoors() doors {
	return doors{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wxcast_turned_away_total", Help: "Calls of the API and logins that were refused, by reason.",
	}, []string{"door", "reason"})}
}

// TurnedAway counts who was not let in at a door ("api" or "login").
func (d *doors) TurnedAway(door, reason string) { d.turnedAway.WithLabelValues(door, reason).Inc() }
