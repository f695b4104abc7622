package console

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/account"
	"github.com/wxcast/wxcast/internal/wxcast"
	"github.com/wxcast/wxcast/internal/yamledit"
)

// draftItem is a draft in a list.
type draftItem struct {
	wxcast.Draft
	Title string
}

func (c *call) draftItems() ([]draftItem, error) {
	if !c.May(access.RightSend) {
		return nil, nil
	}
	all, err := c.Account.Drafts(c.ctx())
	items := make([]draftItem, len(all))
	for i, d := range all {
		items[i] = draftItem{d, draftTitle(d)}
	}
	return items, err
}

// newDraft begins a draft: an empty one, or one like a broadcast.
func (c *call) newDraft() error {
	var id int64
	var err error
	if from, _ := strconv.ParseInt(c.Value("from"), 10, 64); from > 0 {
		id, err = c.Account.CopyBroadcast(c.ctx(), from)
	} else {
		now := c.Account.Now().In(wxcast.Beijing).Format("20060102-1504")
		id, err = c.Account.NewDraft(c.ctx(), "name: broadcast-"+now+"\n")
	}
	if err != nil {
		return err
	}
	return c.to(c.draftAt(id, "content"), "")
}

func (c *call) draftAt(id int64, step string) string {
	return c.Of(fmt.Sprintf("/drafts/%d/%s", id, step))
}

// DraftAt is the address of a draft's step.
func (c *call) DraftAt(id int64, step string) string { return c.draftAt(id, step) }

type draftView struct {
	wxcast.Draft
	Title   string
	Step    string
	Steps   []string
	Broken  string // why the YAML cannot be read; "" where it can
	Parts   []partForm
	Several bool     // it names its channels in a list
	Others  []string // the channels that can be added
	NoList  string   // why WeChat's templates are not known; "" where they are
	Lists   []string // the files that may be lists
	Theirs  string   // what somebody else has made of it meanwhile; "" for nothing
	doc     *yamledit.Doc
}

// Get is a value of the draft's YAML.
func (v draftView) Get(path string) string {
	if v.doc.IsMapping(path) {
		path += ".file"
	}
	return v.doc.Get(path)
}

// List is a list of the draft's YAML, as a form has it.
func (v draftView) List(path string) string { return strings.Join(v.doc.List(path), ", ") }

// On tells whether a switch of the draft's YAML is on.
func (v draftView) On(path string) bool {
	return slices.Contains([]string{"yes", "true", "on"}, v.doc.Get(path))
}

// draftOf is the draft of the address.
func (c *call) draftOf() (v draftView, err error) {
	id, err := c.id()
	if err != nil {
		return v, err
	}
	if v.Draft, err = c.Account.Draft(c.ctx(), id); err != nil {
		return v, err
	}
	v.Title, v.Steps = draftTitle(v.Draft), steps
	if v.Step = c.r.PathValue("step"); v.Step == "" {
		v.Step = "content"
	}
	if v.doc, err = yamledit.Parse(v.Spec); err != nil {
		v.Broken = err.Error()
		v.doc, err = yamledit.Parse("")
	}
	for _, f := range v.Files {
		v.Lists = append(v.Lists, f.Name)
	}
	return v, err
}

// draftForm is the draft of the address with what its form sent, which is not stored yet.
func (c *call) draftForm() (v draftView, err error) {
	if v, err = c.draftOf(); err != nil || v.Broken != "" {
		return v, err
	}
	if err := c.r.ParseForm(); err != nil {
		return v, &wxcast.BadInput{Problem: wxcast.Say("console.form_broken")}
	}
	apply(v.doc, v.Step, c.r.PostForm)
	if v.Spec, err = v.doc.Text(); err != nil {
		return v, &wxcast.BadInput{Problem: wxcast.Verbatim(err.Error())}
	}
	return v, nil
}

// fillParts adds what is said by each channel.
func (c *call) fillParts(v *draftView) {
	templates, err := c.Account.Templates(c.ctx())
	if err != nil {
		v.NoList = c.reason(err)
	}
	v.Parts, v.Several = parts(v.doc), v.doc.Len("channels") > 0
	used := map[string]bool{}
	for i := range v.Parts {
		v.Parts[i].fill(v.doc, templates)
		used[v.Parts[i].Channel] = true
	}
	for _, ch := range account.Channels {
		if !used[ch.Name] {
			v.Others = append(v.Others, ch.Name)
		}
	}
}

func (c *call) draft() error {
	v, err := c.draftOf()
	if err != nil {
		return err
	}
	if !slices.Contains(steps, v.Step) {
		return errNoPage
	}
	if v.Broken != "" {
		v.Step = "yaml"
	}
	if v.Step == "content" {
		c.fillParts(&v)
	}
	return c.show("draft", v)
}

// draftCheck and draftAudience are the steps on which a submission, and a file, stand.
func (c *call) draftCheck() error { c.r.SetPathValue("step", "check"); return c.draft() }

func (c *call) draftAudience() error { c.r.SetPathValue("step", "audience"); return c.draft() }

// saveDraft stores what a step's form sent, and goes where the user wants to.
func (c *call) saveDraft() error {
	v, err := c.draftForm()
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(c.Value("version"), 10, 64) // 0 is none's
	text := v.Spec
	if v.Step == "yaml" || v.Broken != "" {
		text = strings.ReplaceAll(c.Value("spec"), "\r\n", "\n")
	}
	if err := c.Account.ChangeDraft(c.ctx(), v.ID, version, text); err != nil {
		return err
	}
	next := c.Value("go")
	if !slices.Contains(steps, next) {
		next = v.Step
	}
	return c.to(c.draftAt(v.ID, next), "")
}

// draftBack shows what this user wrote, and beside it what somebody else has made of the draft
// meanwhile: to save then is to know that.
func (c *call) draftBack() error {
	stored, err := c.draftOf()
	if err != nil {
		return err
	}
	v, err := c.draftForm()
	if err != nil {
		return err
	}
	if c.Value("version") != strconv.FormatInt(stored.Version, 10) {
		v.Theirs = stored.Spec
	}
	if v.Step == "yaml" {
		v.Spec = c.Value("spec")
	}
	if v.Step == "content" {
		c.fillParts(&v)
	}
	return c.show("draft", v)
}

// draftCard shows the cards of what is in the form now.
func (c *call) draftCard() error {
	v, err := c.draftForm()
	if err != nil {
		return err
	}
	c.fillParts(&v)
	return c.part("draft", "cards", v)
}

type countView struct {
	wxcast.AudienceCount
	Why string // it cannot be counted
}

// countKept is how long the count of an audience is taken to be right.
const countKept = time.Minute

type audienceKey struct {
	account int64
	spec    [sha256.Size]byte
}

// draftCount counts whom the form's audience is; what is counted is cancelled when the next
// keystroke comes, and kept for a minute when it is not.
func (c *call) draftCount() error {
	v, err := c.draftForm()
	if err != nil {
		return err
	}
	key := audienceKey{c.Account.ID, sha256.Sum256(fmt.Append(nil, v.ID, v.Version, v.Spec))}
	n, known := c.con.audiences.get(key, time.Now())
	if !known {
		if n, err = c.Account.CountDraft(c.ctx(), v.Draft); err == nil {
			c.con.audiences.put(key, n, time.Now())
		}
	}
	if c.r.Context().Err() != nil {
		return nil // nobody waits for it any more
	}
	out := countView{AudienceCount: n}
	if err != nil {
		if status(err) >= http.StatusInternalServerError {
			return err
		}
		out.Why = c.reason(err)
	}
	return c.part("draft", "count", out)
}

func (c *call) draftFile() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	f, name, err := c.file("file")
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, account.DraftFileMax+1))
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(c.Value("version"), 10, 64) // 0 is none's
	if err := c.Account.PutDraftFile(c.ctx(), id, version, name, content); err != nil {
		return err
	}
	back := c.Value("go")
	if !slices.Contains(steps, back) {
		back = "audience"
	}
	return c.to(c.draftAt(id, back), "file")
}

// messagesShown is how many people's messages a preview shows.
const messagesShown = 3

type previewView struct {
	account.Preview
	Draft draftView
	Cards []shownCard
}

type shownCard struct {
	Channel, To string
	Card        cardView
}

// draftPreview shows what three people would see, and when it would end.
func (c *call) draftPreview() error {
	v, err := c.draftOf()
	if err != nil {
		return err
	}
	p, err := c.Account.PreviewDraft(c.ctx(), v.Draft, messagesShown)
	if err != nil {
		if status(err) >= http.StatusInternalServerError {
			return err
		}
		return c.part("draft", "mistakes", c.reason(err))
	}
	c.fillParts(&v)
	out := previewView{Preview: p, Draft: v}
	for _, m := range p.Messages {
		out.Cards = append(out.Cards, shownCard{m.Channel, m.OpenID, c.shown(v, m)})
	}
	return c.part("draft", "preview", out)
}

// shown is a message with a person's own values.
func (c *call) shown(v draftView, m account.PreviewMessage) cardView {
	for _, p := range v.Parts {
		if p.Channel != m.Channel {
			continue
		}
		for i := range p.Fields {
			p.Fields[i].Value, p.Fields[i].Length = m.Data[p.Fields[i].Key], 0
		}
		title := p.Card.Title
		p.Card = card(p, title)
		p.Card.Opens = m.PagePath
		if p.Card.Opens == "" {
			p.Card.Opens = m.URL
		}
		if m.Title != "" {
			p.Card.Title = m.Title
		}
		p.Card.Text = m.Text
		return p.Card
	}
	return cardView{Title: m.Title, Text: m.Text, Opens: m.PagePath}
}

// testDraft sends a draft's message to a few people, by their ids.
func (c *call) testDraft() error {
	v, err := c.draftOf()
	if err != nil {
		return err
	}
	tests, err := c.Account.TestDraft(c.ctx(), v.Draft, split(strings.ReplaceAll(c.Value("to"), " ", ",")))
	if err != nil {
		if status(err) >= http.StatusInternalServerError {
			return err
		}
		return c.part("draft", "mistakes", c.reason(err))
	}
	return c.part("draft", "tests", tests)
}

func (c *call) submitDraft() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(c.Value("version"), 10, 64) // 0 is none's
	var missing *account.NotFound
	if _, err := c.Account.Draft(c.ctx(), id); errors.As(err, &missing) { // clicked twice: the broadcast is there
		return c.to(c.Of("/broadcasts"), "")
	}
	b, err := c.Account.SubmitDraft(c.ctx(), id, version, c.asker())
	if errors.As(err, &missing) { // and at the same moment
		return c.to(c.Of("/broadcasts"), "")
	}
	if err != nil {
		return err
	}
	return c.to(c.here(b.ID), "submitted")
}

func (c *call) removeDraft() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	if err := c.Account.RemoveDraft(c.ctx(), id); err != nil {
		return err
	}
	return c.to(c.Of("/broadcasts"), "draft_removed")
}
