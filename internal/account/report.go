package account

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Report reports a Beijing day. For today WeChat is asked for the quotas first.
func (a *Account) Report(ctx context.Context, day wxcast.Day) (report.Report, error) {
	a.noteCalls(ctx)
	minis, err := a.minis(ctx)
	if err != nil {
		return report.Report{}, err
	}
	var quotas report.QuotaReader
	if a.client != nil {
		quotas = a.client
	}
	of := a.reported()
	of.Minis = minis
	r, err := report.Maker{Store: a.db, Quotas: quotas, Account: of, Log: a.log}.Make(ctx, day)
	if err == nil && quotas != nil && day == wxcast.DayOf(a.db.Now()) {
		err = a.wakeForQuota(ctx, wxcast.Lane{AppID: a.ID, API: template.Facts.API})
	}
	return r, err
}

// reported is the account as reports know it, without its mini programs.
func (a *Account) reported() report.Account {
	return report.Account{Name: a.Name(), ID: a.ID, QuotaKeep: a.cfg.Broadcast.QuotaKeep + a.cfg.ReserveMessages,
		SendAPI: template.Facts.API}
}

// WriteReport writes a day's report as CSV or HTML.
func (a *Account) WriteReport(ctx context.Context, day wxcast.Day, format string, lang text.Lang, w io.Writer) error {
	r, err := a.Report(ctx, day)
	if err != nil {
		return err
	}
	if format == "csv" {
		return report.WriteCSV(w, r)
	}
	return a.writePage(ctx, r, lang, w)
}

// writePage writes a report as HTML.
func (a *Account) writePage(ctx context.Context, r report.Report, lang text.Lang, w io.Writer) error {
	history, err := a.reported().History(ctx, a.db, r.Day)
	if err != nil {
		return err
	}
	return report.Page{Report: r, History: history, SendAPI: template.Facts.API, Lang: lang}.Write(w)
}

// ReportPage is the page of a report that was kept as a notice.
func (a *Account) ReportPage(ctx context.Context, n wxcast.Notice) ([]byte, error) {
	var r report.Report
	if err := json.Unmarshal([]byte(n.Data), &r); err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err := a.writePage(ctx, r, text.Chinese, &page)
	return page.Bytes(), err
}

// ReportDays are those whose morning report was kept, the latest first.
func (a *Account) ReportDays(ctx context.Context) ([]wxcast.Day, error) {
	return a.db.ReportDays(ctx, a.ID)
}
