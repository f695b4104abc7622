package api

import (
	"context"
	"io"

	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Account is one account, and what can be done with it. Errors are *wxcast.BadInput,
// NotFound or Conflict where the caller can do something about them.
type Account interface {
	Broadcasts(ctx context.Context) ([]report.Broadcast, error)
	Broadcast(ctx context.Context, id int64) (report.Broadcast, error)
	PreviewBroadcast(ctx context.Context, u Upload, messages int) (Preview, error)
	TestBroadcast(ctx context.Context, u Upload, to []string) ([]TestMessage, error)
	// CreateBroadcast stores a broadcast, and begins it at once, at a Beijing time, or,
	// for a draft, not.
	CreateBroadcast(ctx context.Context, u Upload, draft bool, at string) (report.Broadcast, error)
	StartBroadcast(ctx context.Context, id int64) (report.Broadcast, error)
	PauseBroadcast(ctx context.Context, id int64) (report.Broadcast, error)
	ResumeBroadcast(ctx context.Context, id int64) (report.Broadcast, error)
	CancelBroadcast(ctx context.Context, id int64) (report.Broadcast, error)
	RetryBroadcast(ctx context.Context, id int64, only []int) (report.Broadcast, error)
	SteerBroadcast(ctx context.Context, id int64, s Steering) (report.Broadcast, error)
	ExportDeliveries(ctx context.Context, id int64, format string, w io.Writer) error

	Person(ctx context.Context, id string) (Person, error)
	ForgetPerson(ctx context.Context, id string) (wxcast.Forgotten, error)
	ExportFollowers(ctx context.Context, f FollowerFilter, format string, w io.Writer) error
	AddOptOuts(ctx context.Context, ids []string) (OptOutChange, error)
	RemoveOptOuts(ctx context.Context, ids []string) (OptOutChange, error)
	ExportOptOuts(ctx context.Context, format string, w io.Writer) error

	Report(ctx context.Context, day wxcast.Day) (report.Report, error)
	WriteReport(ctx context.Context, day wxcast.Day, format, language string, w io.Writer) error
	ReportDays(ctx context.Context) ([]wxcast.Day, error)

	Jobs(ctx context.Context) (Jobs, error)
	StartJob(ctx context.Context, name string) error
	ImportMiniUsers(ctx context.Context, name string, in io.Reader, o ImportOptions) (Imported, error)

	AccessToken(ctx context.Context, refused string) (AccessToken, error)
	Describe() Description
}

// Upload is a spec that was sent, with the lists that it names, in a folder of their own.
type Upload struct {
	Dir        string
	Spec       string // the file's name in Dir
	Rate       float64
	OnBadValue string
	OnUnknown  string
}

// Steering changes a broadcast while it runs; nil leaves as it is.
type Steering struct {
	Rate     *float64 `json:"rate,omitempty" minimum:"0.01" maximum:"100000" doc:"messages per second"`
	Priority *int     `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"higher ones go first"`
}

// FollowerFilter says which followers; the zero value is all who follow now.
type FollowerFilter struct {
	MiniAppID           string
	Bridged, NotBridged bool
	Unfollowed          bool
	Tags                []int
	Scenes              []string
	From, Until         string // Beijing dates of following; "" for any
}

// OptOutChange is what a change of the opt-out list did.
type OptOutChange struct {
	Added   int64    `json:"added"`
	Removed int64    `json:"removed"`
	Unknown []string `json:"unknown"` // ids that are no follower's
}

// ImportOptions say how mini users are imported.
type ImportOptions struct {
	MiniAppID              string // where the account has several
	UnionIDColumn          string
	OpenIDColumn           string
	Strict, Replace, Whole bool // Whole: with Replace, remove however many
}

// Description is what a key opens.
type Description struct {
	Account      string         `json:"account"`
	AppID        wxcast.AppID   `json:"appid"`
	MiniPrograms []wxcast.AppID `json:"mini_programs"`
}
