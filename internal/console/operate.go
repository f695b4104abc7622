package console

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/wxcast/wxcast/bridge"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/doctor"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// runsShown is how many syncs are listed.
const runsShown = 20

type syncView struct {
	Runs     []account.SyncRun
	Coverage []account.Covered
	Minis    []wxcast.AppID
	Imported *account.Imported // just now
}

func (c *call) sync() error { return c.syncWith(nil) }

func (c *call) syncWith(imported *account.Imported) error {
	runs, err := c.Account.SyncRuns(c.ctx(), runsShown)
	if err != nil {
		return err
	}
	o, err := c.Account.Overview(c.ctx())
	if err != nil {
		return err
	}
	return c.show("sync", syncView{runs, o.Coverage, c.Account.Describe().MiniPrograms, imported})
}

// file is the upload of a form.
func (c *call) file(name string) (multipart.File, string, error) {
	f, header, err := c.r.FormFile(name)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, "", &wxcast.BadInput{Key: name, Problem: wxcast.Say("console.file_large"),
			Want: wxcast.Say("console.want_small_file", "mib", fileMax>>20)}
	}
	if err != nil {
		return nil, "", &wxcast.BadInput{Key: name, Problem: wxcast.Say("input.missing"),
			Want: wxcast.Say("console.want_file")}
	}
	return f, filepath.Base(header.Filename), nil
}

func (c *call) importMiniUsers() error {
	f, name, err := c.file("file")
	if err != nil {
		return err
	}
	defer f.Close()
	or := func(value, other string) string {
		if value == "" {
			return other
		}
		return value
	}
	imported, err := c.Account.ImportFile(c.ctx(), f,
		bridge.Columns{UnionID: or(c.Value("unionid_column"), "unionid"), OpenID: or(c.Value("openid_column"),
			"openid")},
		account.ImportOptions{MiniAppID: c.Value("mini"), Source: name, Strict: c.Value("strict") != "",
			Replace: c.Value("replace") != ""})
	if err != nil {
		return err
	}
	return c.syncWith(&imported)
}

type jobsView struct{ account.Jobs }

func (c *call) jobs() error {
	all, err := c.Account.Jobs(c.ctx())
	if err != nil {
		return err
	}
	return c.show("jobs", jobsView{all})
}

func (c *call) startJob() error {
	if err := c.Account.StartJob(c.ctx(), c.r.PathValue("job")); err != nil {
		return err
	}
	back := "/jobs"
	if c.Value("back") == "sync" {
		back = "/sync"
	}
	return c.to(c.Of(back), "job")
}

type permitsView struct {
	MiniAppID string
	Minis     []wxcast.AppID
	Templates *[]wxcast.PermitCount // nil while they are being counted
	Imported  *account.ImportedPermits
}

func (c *call) permits() error { return c.permitsWith(nil) }

func (c *call) permitsWith(imported *account.ImportedPermits) error {
	v := permitsView{MiniAppID: c.Query("mini"), Minis: c.Account.Describe().MiniPrograms, Imported: imported}
	if v.MiniAppID == "" && len(v.Minis) > 0 {
		v.MiniAppID = string(v.Minis[0])
	}
	if !slices.Contains(v.Minis, wxcast.AppID(v.MiniAppID)) {
		return errNoPage
	}
	a := c.Account
	var err error
	v.Templates, err = c.con.permits.get(c.r.Context(), permitsKey{a.ID, v.MiniAppID}, c.patience,
		func(ctx context.Context, _ *[]wxcast.PermitCount) ([]wxcast.PermitCount, error) {
			status, err := a.PermitStatus(ctx, v.MiniAppID)
			return status.Templates, err
		})
	if err != nil {
		return err
	}
	return c.show("permits", v)
}

type permitsKey struct {
	account int64
	mini    string
}

func (c *call) importPermits() error {
	f, name, err := c.file("file")
	if err != nil {
		return err
	}
	defer f.Close()
	imported, err := c.Account.ImportPermits(c.ctx(), c.Value("mini"), f, name)
	if err != nil {
		return err
	}
	return c.permitsWith(&imported)
}

// reportPolicy is what a report's page may do: it is a letter with its styles in it, and nothing
// else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

// report shows a day's report, as it is sent by mail.
func (c *call) report() error {
	day, err := wxcast.ParseDay(c.r.PathValue("day"))
	if err != nil {
		return errNoPage
	}
	var page bytes.Buffer
	if err := c.Account.WriteReport(c.ctx(), day, "html", c.Lang, &page); err != nil {
		return err
	}
	c.w.Header().Set("Content-Security-Policy", reportPolicy)
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = c.w.Write(page.Bytes()) // the browser may be gone
	return nil
}

type systemsView struct {
	Webhooks []account.Webhook
	Tests    []account.WebhookTest
}

func (c *call) systems() error { return c.systemsWith(nil) }

func (c *call) systemsWith(tests []account.WebhookTest) error {
	all, err := c.Account.Webhooks(c.ctx())
	if err != nil {
		return err
	}
	return c.show("systems", systemsView{Webhooks: all, Tests: tests})
}

func (c *call) resumeWebhook() error {
	if _, err := c.Account.ResumeWebhook(c.ctx(), c.r.PathValue("name"), c.Value("after")); err != nil {
		return err
	}
	return c.to(c.Of("/systems"), "webhook")
}

func (c *call) testWebhook() error {
	test, err := c.Account.TestWebhook(c.ctx(), c.r.PathValue("name"))
	if err != nil {
		return err
	}
	return c.systemsWith([]account.WebhookTest{test})
}

// doctor shows the checks as they come: they ask WeChat, and take a while.
func (c *call) doctor() error { return c.show("doctor", nil) }

func (c *call) doctorChecks() error {
	a := c.Account
	checks, err := c.con.doctors.get(c.r.Context(), doctorKey{a.ID, c.Lang}, c.patience,
		func(ctx context.Context, _ *[]doctor.Check) ([]doctor.Check, error) {
			return doctor.Examine(ctx, doctor.Options{Config: c.con.House.Config(), Account: a.Config, Lang: c.Lang,
				Door: text.Console}), nil
		})
	if err != nil {
		return err
	}
	return c.part("doctor", "checks", checks)
}

type doctorKey struct {
	account int64
	lang    text.Lang
}
