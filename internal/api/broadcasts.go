package api

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// ByID is the path of a broadcast.
type ByID struct {
	ID int64 `path:"id" doc:"the broadcast's ID"`
}

// SpecForm is a spec as it is sent: multipart/form-data with the files.
type SpecForm struct {
	RawBody huma.MultipartFormFiles[struct {
		Spec  huma.FormFile   `form:"spec" required:"true" contentType:"application/octet-stream" doc:"the broadcast's spec, YAML"`
		Lists []huma.FormFile `form:"list" required:"false" contentType:"application/octet-stream" doc:"the CSV files that the spec names, under those names"`
		Files []huma.FormFile `form:"file" required:"false" contentType:"application/octet-stream" doc:"other files that the spec names, such as a card's picture"`
	}]
	Rate       float64 `query:"rate" minimum:"0" maximum:"100000" doc:"messages per second, whatever the spec says"`
	OnBadValue string  `query:"on_bad_value" enum:"stop,skip,truncate" doc:"what to do about a value that WeChat would refuse"`
}

// with reads the spec from files of its own, which are removed when do has ended.
func (f *SpecForm) with(onUnknown string, do func(account.Spec) error) error {
	dir, err := os.MkdirTemp("", "wxcast-upload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := f.RawBody.Data()
	if err := save(dir, data.Spec, spec.SizeMax+1); err != nil { // what is more says that it is too large
		return err
	}
	for _, file := range data.Lists {
		if err := save(dir, file, specUploadMax); err != nil {
			return err
		}
	}
	for _, file := range data.Files {
		if err := save(dir, file, pictureMax+1); err != nil { // what is more says that it is too large
			return err
		}
	}
	read, err := account.ReadSpec(account.SpecFile{
		Path: filepath.Join(dir, filepath.Base(data.Spec.Filename)), Sent: true,
		Overrides: account.Overrides{Rate: f.Rate, OnBadValue: f.OnBadValue, OnUnknown: onUnknown},
	})
	if err != nil {
		return err
	}
	return do(read)
}

// pictureMax bounds a file that is no list. Source: api_uploadtempmedia takes pictures of 10 MB.
const pictureMax = 10 << 20

func save(dir string, from huma.FormFile, most int64) error {
	name := filepath.Base(from.Filename) // as mime/multipart gives it; said again, since it names a file of ours
	if !filepath.IsLocal(name) || name == "." {
		return &wxcast.BadInput{Key: from.Filename, Problem: wxcast.Say("api.file_name"),
			Want: wxcast.Say("api.want_file_name")}
	}
	to, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return &wxcast.BadInput{Key: name, Problem: wxcast.Say("api.file_twice"),
			Want: wxcast.Say("api.want_file_names")}
	}
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, io.LimitReader(from, most)); err != nil {
		return err
	}
	return to.Close()
}

func (a *API) addBroadcasts() {
	type broadcastList struct {
		Broadcasts []report.Broadcast `json:"broadcasts"`
	}
	register(a, operation("list-broadcasts", http.MethodGet, "/broadcasts", "List the broadcasts, the latest first",
		wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, _ *struct{}) (broadcastList, error) {
			all, err := of.Broadcasts(ctx)
			return broadcastList{all}, err
		})
	register(a, operation("get-broadcast", http.MethodGet, "/broadcasts/{id}",
		"Show how a broadcast stands, counted from its deliveries", wxcast.ScopeRead),
		func(ctx context.Context, of *account.Account, in *ByID) (report.Broadcast, error) {
			return of.Broadcast(ctx, in.ID)
		})
	a.addSpecs()

	for name, act := range map[string]struct {
		summary string
		do      func(*account.Account, context.Context, int64) (report.Broadcast, error)
	}{
		"start": {"Begin a draft now", (*account.Account).StartBroadcast},
		"pause": {"Pause a broadcast; it acts within a second", (*account.Account).PauseBroadcast},
		"release": {"Let all follow a canary that was sent, without waiting for its time",
			(*account.Account).ReleaseCanary},
		"resume": {"Go on with a paused or waiting broadcast", (*account.Account).ResumeBroadcast},
	} {
		register(a, operation(name+"-broadcast", http.MethodPost, "/broadcasts/{id}/"+name, act.summary,
			wxcast.ScopeSend),
			func(ctx context.Context, of *account.Account, in *ByID) (report.Broadcast, error) {
				return act.do(of, ctx, in.ID)
			})
	}
	type cancel struct {
		ByID
		Reason string `query:"reason" maxLength:"200" doc:"what people are told of it"`
	}
	register(a, operation("cancel-broadcast", http.MethodPost, "/broadcasts/{id}/cancel",
		"End a broadcast; who has no message yet gets none", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *cancel) (report.Broadcast, error) {
			return of.CancelBroadcast(ctx, in.ID, in.Reason)
		})
	type schedule struct {
		ByID
		At string `query:"at" required:"true" doc:"when it begins, in Beijing time, such as 2026-11-30 10:00"`
	}
	register(a, operation("schedule-broadcast", http.MethodPost, "/broadcasts/{id}/schedule",
		"Let a draft begin at a time", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *schedule) (report.Broadcast, error) {
			return of.ScheduleBroadcast(ctx, in.ID, in.At)
		})
	type retry struct {
		ByID
		Only []int `query:"only" doc:"only those that failed with one of these errcodes"`
	}
	register(a, operation("retry-broadcast", http.MethodPost, "/broadcasts/{id}/retry",
		"Send again, as a new broadcast, to those whose message WeChat refused", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *retry) (report.Broadcast, error) {
			return of.RetryBroadcast(ctx, in.ID, in.Only, a.asker(ctx))
		})
	type steer struct {
		ByID
		Body account.Steering
	}
	register(a, operation("steer-broadcast", http.MethodPatch, "/broadcasts/{id}",
		"Change a broadcast's rate or priority, also while it runs", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *steer) (report.Broadcast, error) {
			steered, err := of.SteerBroadcast(ctx, in.ID, in.Body)
			return steered.Broadcast, err
		})
	type deliveries struct {
		ByID
		ExportFormat
	}
	stream(a, operation("export-deliveries", http.MethodGet, "/broadcasts/{id}/deliveries",
		"Every delivery of a broadcast with its outcome, in openid order", wxcast.ScopePeople),
		func(ctx context.Context, of *account.Account, in *deliveries, w io.Writer) error {
			_, err := of.ExportDeliveries(ctx, in.ID, in.Format, w)
			return err
		})
}

// addSpecs adds the calls that take a spec.
func (a *API) addSpecs() {
	type previewForm struct {
		SpecForm
		Messages int `query:"messages" minimum:"1" maximum:"1000" default:"3" doc:"how many messages to show"`
	}
	register(a, operation("preview-broadcast", http.MethodPost, "/broadcasts/preview",
		"Show who would get a broadcast, what they would see, and when it would end; send nothing", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *previewForm) (p account.Preview, err error) {
			err = in.with("", func(s account.Spec) error {
				p,
					err = of.PreviewBroadcast(ctx, s, in.Messages)
				return err
			})
			return p, err
		})
	type testForm struct {
		SpecForm
		To []string `query:"to" required:"true" minItems:"1" maxItems:"20" doc:"openids of followers; \"testers\" for all testers"`
	}
	type testMessages struct {
		Messages []account.TestMessage `json:"messages"`
	}
	register(a, operation("test-broadcast", http.MethodPost, "/broadcasts/test",
		"Send a spec's message to a few people", wxcast.ScopeSend),
		func(ctx context.Context, of *account.Account, in *testForm) (t testMessages, err error) {
			err = in.with("", func(s account.Spec) error {
				t.Messages,
					err = of.TestBroadcast(ctx, s, in.To)
				return err
			})
			return t, err
		})
	type createForm struct {
		SpecForm
		OnUnknown string `query:"on_unknown" enum:"skip,resend" doc:"what to do about a message whose outcome was lost for good"`
		At        string `query:"at" doc:"Beijing time at which it begins, such as 2026-11-30 10:00; now, if it is not given"`
		Draft     bool   `query:"draft" doc:"store it, to be started later"`
	}
	create := operation("create-broadcast", http.MethodPost, "/broadcasts",
		"Check a spec and every recipient, and begin its broadcast", wxcast.ScopeSend)
	create.Description = "The same name and content is the same broadcast: sent again, it is answered as it stands."
	register(a, create, func(ctx context.Context, of *account.Account, in *createForm) (b report.Broadcast, err error) {
		err = in.with(in.OnUnknown, func(s account.Spec) error {
			b, err = of.CreateBroadcast(ctx, s, account.Begin{Draft: in.Draft, At: in.At}, a.asker(ctx))
			return err
		})
		return b, err
	})
}
