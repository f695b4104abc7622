package wxcast

import "time"

// JobRun is one run of a job that comes round by the clock.
type JobRun struct {
	ID         int64      `json:"id"`
	AccountID  int64      `json:"-"`
	Job        string     `json:"job"`    // such as "sync"
	DueAt      time.Time  `json:"due_at"` // UTC
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt time.Time  `json:"finished_at,omitzero"` // zero while it is at work
	Worker     string     `json:"worker"`
	Attempts   int        `json:"attempts"` // above 1 after a worker died with it
	Outcome    JobOutcome `json:"outcome"`
	Detail     string     `json:"detail,omitempty"` // what it did as JSON, or why it failed, in English
	Why        Sentence   `json:"-"`                // why it failed, in any language
}

// JobOutcome is how a run ended.
type JobOutcome string

// The outcomes of a run.
const (
	JobAtWork  JobOutcome = ""
	JobDone    JobOutcome = "done"
	JobFailed  JobOutcome = "failed"
	JobSkipped JobOutcome = "skipped" // the run before was still at work
)

// JobClaim tells what came of asking for a run.
type JobClaim int

// The answers to a claim.
const (
	JobClaimed JobClaim = iota // it is the asker's
	JobTaken                   // another process is at work on it
	JobOver                    // it was run, or it was skipped
)

// JobTurn is one time that a job was due.
type JobTurn struct {
	AccountID int64
	Job       string
	Due       time.Time // UTC
}
