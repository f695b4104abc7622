package account

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/report"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/internal/yamledit"
	store "github.com/wxcast/wxcast/sql"
)

const (
	// draftsShown is how many drafts are listed.
	draftsShown = 100
	// DraftFileMax bounds a file of a draft, and draftFiles how many it may have. Larger lists
	// go by the command line, and by the API.
	DraftFileMax = 64 << 20
	draftFiles   = 10
	// draftName is what a draft's spec is called in errors.
	draftName = "spec.yaml"
)

// Drafts are the broadcasts that users are making, the latest first.
func (a *Account) Drafts(ctx context.Context) ([]wxcast.Draft, error) {
	return a.db.Drafts(ctx, a.ID, draftsShown)
}

// Draft is one of them.
func (a *Account) Draft(ctx context.Context, id int64) (wxcast.Draft, error) {
	d, err := a.db.Draft(ctx, a.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("draft.none", "id", id)
	}
	return d, err
}

// NewDraft begins a draft with a spec, which need not be right yet. Audited.
func (a *Account) NewDraft(ctx context.Context, text string) (id int64, err error) {
	return audited(ctx, a, "new-draft", "", func(e *entry) (int64, error) {
		if err := checkDraft(text); err != nil {
			return 0, err
		}
		id, err := a.db.AddDraft(ctx, a.ID, text, []string{maker(ctx)}, nil)
		e.about("draft %d", id)
		return id, err
	})
}

// CopyBroadcast begins a draft with the spec of a broadcast. Lists are not kept with one, and
// are to be given again. Audited.
func (a *Account) CopyBroadcast(ctx context.Context, id int64) (draft int64, err error) {
	return audited(ctx, a, "copy-broadcast", fmt.Sprintf("broadcast %d", id), func(e *entry) (int64, error) {
		b, err := a.broadcast(ctx, id)
		if err != nil {
			return 0, err
		}
		files, err := a.storedFiles(ctx, b)
		if err != nil {
			return 0, err
		}
		draft, err := a.db.AddDraft(ctx, a.ID, a.renamed(b), []string{maker(ctx)}, files)
		e.about("draft %d of broadcast %d", draft, id)
		return draft, err
	})
}

// renamed is a broadcast's spec under another name: under its own it would be the same broadcast.
func (a *Account) renamed(b wxcast.Broadcast) string {
	doc, err := yamledit.Parse(b.Spec)
	if err != nil {
		return b.Spec // it is shown as it is
	}
	doc.Set("name", b.Name+"-"+a.db.Now().In(wxcast.Beijing).Format("0102-1504"))
	text, err := doc.Text()
	if err != nil {
		return b.Spec
	}
	return text
}

// maker is who asks, as a maker of a broadcast.
func maker(ctx context.Context) string { return strings.TrimPrefix(askedBy(ctx), userActor) }

// byUser tells whether a user of the console asks.
func byUser(ctx context.Context) bool { return strings.HasPrefix(askedBy(ctx), userActor) }

func checkDraft(text string) error {
	if len(text) > spec.SizeMax {
		return &wxcast.BadInput{File: draftName, Problem: wxcast.Say("draft.too_large"),
			Want: wxcast.Say("draft.want_smaller", "kib", spec.SizeMax>>10)}
	}
	return nil
}

// ChangeDraft changes a version of a draft. Where somebody else has changed it since, it is a
// *Conflict, and nothing is changed. Audited.
func (a *Account) ChangeDraft(ctx context.Context, id, version int64, text string) error {
	return auditedOnly(ctx, a, "change-draft", fmt.Sprintf("draft %d", id), func(*entry) error {
		if err := checkDraft(text); err != nil {
			return err
		}
		d, err := a.Draft(ctx, id)
		if err != nil {
			return err
		}
		if d.Spec == text && d.Version == version {
			return nil
		}
		if name := maker(ctx); !slices.Contains(d.Makers, name) {
			d.Makers = append(d.Makers, name)
		}
		d.Version, d.Spec = version, text
		changed, err := a.db.ChangeDraft(ctx, a.ID, d)
		if err == nil && !changed {
			err = conflict("draft.changed", "id", id)
		}
		return err
	})
}

// RemoveDraft removes a draft with its files. Audited.
func (a *Account) RemoveDraft(ctx context.Context, id int64) error {
	return auditedOnly(ctx, a, "remove-draft", fmt.Sprintf("draft %d", id), func(*entry) error {
		d, err := a.Draft(ctx, id)
		if err != nil {
			return err
		}
		return a.db.DropDraft(ctx, a.ID, id, d.Version)
	})
}

// PutDraftFile keeps a file that a version of a draft may name: it is a change of the draft as any
// other. Audited.
func (a *Account) PutDraftFile(ctx context.Context, id, version int64, name string, content []byte) error {
	return auditedOnly(ctx, a, "put-draft-file", fmt.Sprintf("draft %d", id), func(*entry) error {
		d, err := a.Draft(ctx, id)
		if err != nil {
			return err
		}
		known := slices.ContainsFunc(d.Files, func(f wxcast.DraftFile) bool { return f.Name == name })
		switch {
		case !filepath.IsLocal(name) || filepath.Base(name) != name || name == "." || len(name) > 200 ||
			strings.ContainsAny(name, ",\n") || name == draftName: // a form's list is parted by commas
			return &wxcast.BadInput{Key: name, Problem: wxcast.Say("api.file_name"),
				Want: wxcast.Say("api.want_file_name")}
		case len(content) > DraftFileMax:
			return &wxcast.BadInput{Key: name, Problem: wxcast.Say("draft.file_too_large"),
				Want: wxcast.Say("draft.want_smaller_file", "mib", DraftFileMax>>20)}
		case !known && len(d.Files) >= draftFiles:
			return &wxcast.BadInput{Key: name, Problem: wxcast.Say("draft.too_many_files"),
				Want: wxcast.Say("draft.want_fewer_files", "most", draftFiles)}
		}
		if name := maker(ctx); !slices.Contains(d.Makers, name) {
			d.Makers = append(d.Makers, name)
		}
		d.Version = version
		changed, err := a.db.PutDraftFile(ctx, a.ID, d, name, content)
		if err == nil && !changed {
			err = conflict("draft.changed", "id", id)
		}
		return err
	})
}

// withDraft reads a draft's spec from files of its own, which are removed when do has ended.
func (a *Account) withDraft(ctx context.Context, d wxcast.Draft, do func(Spec) error) error {
	dir, err := os.MkdirTemp("", "wxcast-draft-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, f := range d.Files {
		if !strings.Contains(d.Spec, f.Name) {
			continue
		}
		content, err := a.db.DraftFile(ctx, a.ID, d.ID, f.Name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	path := filepath.Join(dir, draftName)
	if err := os.WriteFile(path, []byte(d.Spec), 0o600); err != nil {
		return err
	}
	s, err := ReadSpec(SpecFile{Path: path, Sent: true})
	if err != nil {
		return err
	}
	return do(s)
}

// CountDraft counts whom a draft goes to, and why the others are out.
func (a *Account) CountDraft(ctx context.Context, d wxcast.Draft) (n wxcast.AudienceCount, err error) {
	err = a.withDraft(ctx, d, func(s Spec) error {
		checked, err := a.check(ctx, s)
		if err != nil {
			return err
		}
		audience, err := a.resolve(ctx, checked)
		if err != nil {
			return err
		}
		n, err = a.db.CountAudience(ctx, a.ID, audience)
		return err
	})
	return n, err
}

// PreviewDraft is PreviewBroadcast of a draft. Audited.
func (a *Account) PreviewDraft(ctx context.Context, d wxcast.Draft, messages int) (p Preview, err error) {
	err = a.withDraft(ctx, d, func(s Spec) error {
		p, err = a.PreviewBroadcast(ctx, s, messages)
		return err
	})
	return p, err
}

// TestDraft is TestBroadcast of a draft. Audited.
func (a *Account) TestDraft(ctx context.Context, d wxcast.Draft, to []string) (tests []TestMessage, err error) {
	err = a.withDraft(ctx, d, func(s Spec) error {
		tests, err = a.TestBroadcast(ctx, s, to)
		return err
	})
	return tests, err
}

// SubmitDraft makes a broadcast of a version of a draft, which waits to be started, and removes
// the draft. Submitted twice, it is one broadcast. Audited.
func (a *Account) SubmitDraft(ctx context.Context, id, version int64, who Asker) (b report.Broadcast, err error) {
	d, err := a.Draft(ctx, id)
	if err != nil {
		return b, err
	}
	if d.Version != version {
		return b, conflict("draft.changed", "id", id)
	}
	makers := d.Makers
	if name := maker(ctx); !slices.Contains(makers, name) {
		makers = append(makers, name)
	}
	err = a.withDraft(ctx, d, func(s Spec) error {
		b, err = a.CreateBroadcast(ctx, s, Begin{Draft: true, makers: makers}, who)
		return err
	})
	if err != nil {
		return b, err
	}
	if b.State != wxcast.BroadcastDraft {
		return b, conflict("draft.there_already", "id", b.ID, "name", b.Name, "state", State(b.State))
	}
	// Where it was there already, by a draft of the same content, its makers are those of both.
	if err := a.db.AddMakers(ctx, wxcast.BroadcastRef{AccountID: a.ID, ID: b.ID}, makers); err != nil {
		return b, err
	}
	return b, a.db.DropDraft(ctx, a.ID, id, version)
}

// fixAtOnce is how many recipients are fixed in one transaction.
const fixAtOnce = 10_000

// FixRecipients gives all recipients of a broadcast that was not started their rows: what is
// approved, and what the number typed is about, is who gets it. Who is at it already is left to
// it.
func (a *Account) FixRecipients(ctx context.Context, id int64) error {
	ref := wxcast.BroadcastRef{AccountID: a.ID, ID: id}
	for {
		b, err := a.broadcast(ctx, id)
		if err != nil || b.State != wxcast.BroadcastDraft || b.Fixed {
			return err
		}
		_, fixed, err := a.db.FixRecipients(ctx, ref, fixAtOnce)
		if errors.Is(err, wxcast.ErrBusy) {
			return nil
		}
		if err != nil || fixed {
			return err
		}
	}
}
