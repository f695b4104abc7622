package bench

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
)

//go:embed plot.svg
var plotSVG string

var plotTemplate = template.Must(template.New("plot.svg").Parse(plotSVG))

// chart is lines over an axis whose every step is a factor.
type chart struct {
	Title, X string
	LogY     bool
	Lines    []line
}

type line struct {
	Name   string
	Colour string
	Dashes string
	points []point
}

type point struct{ x, y float64 }

// Colours of lines, by what they show.
var colours = map[string]string{"sync": "#3b82c4", "import": "#dd9a2b", "join": "#8a6fc2", "broadcast": "#07a35a",
	"ceiling": "#b4bcc3"}

// dashes tell the engines, and the ceiling, apart.
var dashes = map[string]string{sqlite: "5 4"}

// Plot draws how time, memory, calls, the store and the throughput grow, as SVG, from the
// rows of the parts "growth" and "workers".
func Plot(w io.Writer, r *Result) error {
	charts := slices.DeleteFunc([]chart{
		{"Seconds", "followers, recipients", true, growthLines(r, func(r Row) float64 { return r.Seconds })},
		{"Peak memory of a process, MiB", "followers, recipients", false,
			growthLines(r, func(r Row) float64 { return r.PeakMiB })},
		{"Calls to WeChat", "followers, recipients", true,
			growthLines(r, func(r Row) float64 { return float64(r.Calls) })},
		{"Size of the store afterwards, MiB", "followers, recipients", true,
			growthLines(r, func(r Row) float64 { return r.DatabaseMiB })},
		{"Messages a second, answers after 50 ms", "processes, 50 messages in flight each", true,
			workerLines(r, workersLatency.Milliseconds())},
		{"Messages a second, answers at once", "processes, 50 messages in flight each", false, workerLines(r, 0)},
	}, func(c chart) bool { return len(c.Lines) == 0 })
	if len(charts) == 0 {
		return errors.New("there is nothing to plot: measure growth, workers or both")
	}
	page := plotPage{Machine: r.Machine}
	for i, c := range charts {
		page.Charts = append(page.Charts, c.draw(float64(i%2)*chartWidth, headHeight+float64(i/2)*chartHeight))
	}
	page.Width, page.Height = 2*chartWidth, headHeight+chartHeight*((len(charts)+1)/2)
	return plotTemplate.Execute(w, page)
}

// growthLines are what of grows with the size, by part of the job and engine.
func growthLines(r *Result, what func(Row) float64) (all []line) {
	for _, engine := range both {
		for _, job := range []string{"sync", "import", "join", "broadcast"} {
			l := line{Name: job + ", " + engine, Colour: colours[job], Dashes: dashes[engine]}
			for _, row := range r.Rows {
				if y := what(row); row.Part == "growth" && row.Engine == engine && row.What == job && y > 0 {
					l.points = append(l.points, point{float64(row.N), y})
				}
			}
			if len(l.points) > 0 {
				all = append(all, l)
			}
		}
	}
	return all
}

// workerLines are messages a second by processes, and by a bare client with as many
// messages in flight as all of them.
func workerLines(r *Result, latencyMS int64) []line {
	ours, bare := line{Name: "wxcast, postgres",
		Colour: colours["broadcast"]}, line{Name: "bare client, recording nothing", Colour: colours["ceiling"]}
	for _, row := range r.Rows {
		if row.Part == "workers" && row.LatencyMS == latencyMS {
			ours.points = append(ours.points, point{float64(row.Processes), row.PerSecond})
			bare.points = append(bare.points, point{float64(row.Processes), row.Ceiling})
		}
	}
	if len(ours.points) == 0 {
		return nil
	}
	return []line{ours, bare}
}

// Pixels of the page: each chart with its margins.
const (
	chartWidth, chartHeight    = 520, 340
	headHeight                 = 64
	left, right, top, bottom   = 64, 24, 40, 84
	plotWidth                  = chartWidth - left - right
	plotHeight                 = chartHeight - top - bottom
	legendColumns, legendWidth = 4, 118
)

type plotPage struct {
	Machine       Machine
	Width, Height int
	Charts        []drawnChart
}

// drawnChart is a chart in pixels.
type drawnChart struct {
	X, Y                               float64
	Title, XLabel                      string
	Left, Right, Top, Bottom, XLabelAt float64
	XTicks, YTicks                     []tickMark
	Lines                              []drawnLine
}

type tickMark struct {
	At    float64
	Label string
}

type drawnLine struct {
	Name, Colour, Dashes string
	Points               string
	Dots                 []tickDot
	LegendX, LegendY     float64
}

type tickDot struct{ X, Y float64 }

func (c chart) draw(x, y float64) drawnChart {
	d := drawnChart{X: x, Y: y, Title: c.Title, XLabel: c.X, Left: left, Right: left + plotWidth, Top: top,
		Bottom: top + plotHeight, XLabelAt: left + plotWidth/2}
	var xs, ys []float64
	for _, l := range c.Lines {
		for _, p := range l.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	scaleX := scale{low: xs[0], high: xs[len(xs)-1], log: true}
	scaleY := wholeScale(slices.Min(ys), slices.Max(ys), c.LogY)
	atX := func(v float64) float64 { return round(left + scaleX.share(v)*plotWidth) }
	atY := func(v float64) float64 { return round(top + (1-scaleY.share(v))*plotHeight) }
	for _, v := range xs {
		d.XTicks = append(d.XTicks, tickMark{atX(v), short(v)})
	}
	for _, v := range scaleY.marks() {
		d.YTicks = append(d.YTicks, tickMark{atY(v), short(v)})
	}
	for i, l := range c.Lines {
		drawn := drawnLine{Name: l.Name, Colour: l.Colour, Dashes: l.Dashes,
			LegendX: float64(12 + i%legendColumns*legendWidth), LegendY: float64(chartHeight - 28 + i/legendColumns*16)}
		if len(c.Lines) < legendColumns {
			drawn.LegendX = float64(left + i*2*legendWidth)
		}
		var points []string
		for _, p := range l.points {
			points = append(points, fmt.Sprintf("%v,%v", atX(p.x), atY(p.y)))
			drawn.Dots = append(drawn.Dots, tickDot{atX(p.x), atY(p.y)})
		}
		drawn.Points = strings.Join(points, " ")
		d.Lines = append(d.Lines, drawn)
	}
	return d
}

// scale maps values to 0 … 1.
type scale struct {
	low, high float64
	log       bool
}

func (s scale) share(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(v)
	}
	if high == low {
		return 0.5
	}
	return (v - low) / (high - low)
}

// wholeScale begins and ends at a mark.
func wholeScale(low, high float64, log bool) scale {
	if log {
		s := scale{low: math.Pow(10, math.Floor(math.Log10(low))), high: math.Pow(10, math.Ceil(math.Log10(high))),
			log: true}
		if s.low == s.high {
			s.high *= 10
		}
		return s
	}
	step := stepOf(high)
	return scale{low: 0, high: math.Ceil(high/step) * step}
}

// stepOf is a 1, 2 or 5 with zeros of which a few make up a value.
func stepOf(high float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(high)))
	for _, step := range []float64{ten / 5, ten / 2, ten} {
		if high/step <= 6 {
			return step
		}
	}
	return 2 * ten
}

func (s scale) marks() (all []float64) {
	if s.log {
		for v := s.low; v <= s.high*1.0001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := stepOf(s.high)
	for v := 0.0; v <= s.high*1.0001; v += step {
		all = append(all, v)
	}
	return all
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

// short writes a number as people read it on an axis.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", round(v/1e6))
	case v >= 1000:
		return fmt.Sprintf("%gk", round(v/1000))
	default:
		return fmt.Sprintf("%g", math.Round(v*1000)/1000)
	}
}
