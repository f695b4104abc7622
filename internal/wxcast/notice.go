package wxcast

import "time"

// Notice is something that people are to be told.
type Notice struct {
	ID       int64
	Key      string // names what it is about: raised twice, it is told once
	Kind     NoticeKind
	Title    Sentence
	Body     Sentence // of as many lines as it needs
	Data     string   // JSON, for programs; "" for none
	RaisedAt time.Time
	OverAt   time.Time // of an alert that is over; else zero
}

// NoticeKind tells reports from alerts.
type NoticeKind string

// The kinds of notices.
const (
	NoticeReport NoticeKind = "report"
	NoticeAlert  NoticeKind = "alert"
)

// ReportKey is the key of a day's report.
func ReportKey(day Day) string { return "report:" + string(day) }
