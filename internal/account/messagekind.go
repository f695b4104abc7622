package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/broadcast/service"
	"github.com/wxcast/wxcast/broadcast/spec"
	"github.com/wxcast/wxcast/internal/together"
	"github.com/wxcast/wxcast/internal/wxcast"
	store "github.com/wxcast/wxcast/sql"
)

const (
	// kindChecked is how long WeChat's templates are taken to be as they were when a kind of
	// messages was held against them, and kindRefused how long what did not fit them is not
	// tried again.
	kindChecked = 10 * time.Minute
	kindRefused = 5 * time.Second
	// presetKept is how long the latest version of a preset is taken to be the latest, where another
	// process may have stored one.
	presetKept = time.Second
	// kindsMax are the kinds of messages of one day, and kindsKept those that a process keeps.
	kindsMax, kindsKept = 500, 1000
	// filesKept are the bytes of their pictures that it keeps.
	filesKept = 32 << 20
	// messagesTogether are how many requests that come one by one are stored in one transaction,
	// begun messagesEvery at the soonest, within messagesWithin.
	messagesTogether = 500
	messagesEvery    = 20 * time.Millisecond
	messagesWithin   = 8 * time.Second
)

// kind is what messages have in common that differ in their values: a version of a preset, or
// the same channels with the same templates. Each day's are one broadcast.
type kind struct {
	name  string // of the preset or spec
	hash  string // of its text, which tells its pictures by their digests
	files map[string][]byte

	turn    *semaphore.Weighted // of whoever asks WeChat; nobody waits for it for longer than they may
	spec    Spec
	checked checkedSpec
	writers []spec.Writer
	at      time.Time // when it was held against WeChat's templates; zero for not yet
	err     error     // what that told
}

// dayOfKind is the broadcast that holds a kind's messages of a day.
type dayOfKind struct {
	broadcastID int64
	takesUntil  time.Time
}

// messages makes requests into messages, for one process.
type messages struct {
	a *Account

	mu      sync.Mutex
	queue   *together.Queue[*draft, struct{}] // of requests that come one by one; nil where none is served
	kinds   map[string]*kind                  // by their hash
	held    int                               // bytes of their pictures
	presets map[string]latestPreset
	forms   inlineForms
	days    map[string]dayOfKind // by the content hash of their broadcast
	told    chan struct{}        // there is a broadcast that is new
	crew    *broadcast.Crew      // that sends; nil where this process does not
}

type latestPreset struct {
	wxcast.Preset
	kind *kind
	at   time.Time
}

func newMessages(a *Account) *messages {
	m := &messages{a: a, kinds: map[string]*kind{}, presets: map[string]latestPreset{},
		days: map[string]dayOfKind{}, told: make(chan struct{}, 1)}
	return m
}

// RunMessages serves requests that come one by one together, until ctx ends.
func (a *Account) RunMessages(ctx context.Context) {
	a.messages.run(ctx)
}

// sentBy says which crew of this process sends; nil for none.
func (m *messages) sentBy(crew *broadcast.Crew) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crew = crew
}

func (m *messages) run(ctx context.Context) {
	all := func(ctx context.Context, all []*draft) ([]struct{}, error) {
		m.storeAll(ctx, all)
		return make([]struct{}, len(all)), nil
	}
	queue := together.New(messagesTogether, messagesWithin, all).Every(messagesEvery)
	m.mu.Lock()
	m.queue = queue
	m.mu.Unlock()
	queue.Run(ctx)
}

// send stores the messages of drafts. One that comes alone is stored together with others'. After
// an error it may be stored or not, and is not the caller's any more: whoever asks again with its
// key is told.
func (m *messages) send(ctx context.Context, all []*draft) error {
	m.mu.Lock()
	queue := m.queue
	m.mu.Unlock()
	if queue == nil || len(all) != 1 {
		m.storeAll(ctx, all)
		return nil
	}
	_, err := queue.Put(ctx, all[0])
	return err
}

// ReadMessageSpec reads a spec of single messages, which is called as its file where it does not
// say, and the pictures that it names, which are in dir; with "" it is no file, and may name
// none. All mistakes are *wxcast.BadInput.
func ReadMessageSpec(file string, raw []byte, dir string) (Spec, error) {
	s, err := spec.ParseMessage(file, raw, forms...)
	if err != nil {
		return Spec{}, err
	}
	if dir != "" {
		if name := nameOfFile(file); !s.Has("name") && spec.GoodName(name) {
			s.Name = name
		}
		return Spec{s}, s.OpenFiles(dir)
	}
	for _, p := range s.Parts {
		for key := range filesNamed(p) {
			return Spec{}, p.Bad(s, key, wxcast.Say("message.no_files"), wxcast.Say("message.want_media"))
		}
	}
	return Spec{s}, nil
}

// nameOfFile is what a file is called, without its ending.
func nameOfFile(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

// filesNamed are the files that a part names, by their keys.
func filesNamed(p spec.Part) map[string]string {
	if with, ok := p.Content.(interface{ Files() map[string]string }); ok {
		return with.Files()
	}
	return nil
}

// draft reads a request, and finds what kind of message it asks for.
func (m *messages) draft(ctx context.Context, r MessageRequest) (*draft, error) {
	d := &draft{MessageRequest: r, by: askedBy(ctx)}
	if d.by == "" {
		return nil, errNobody
	}
	err := checkRequest(r)
	if err != nil {
		return nil, err
	}
	text := ""
	if d.vars = maps.Clone(r.Vars); d.vars == nil {
		d.vars = map[string]string{}
	}
	switch {
	case r.Preset != "":
		latest, err := m.preset(ctx, r.Preset)
		if err != nil {
			return nil, err
		}
		d.kind, d.version = latest.kind, latest.Version
	case r.Inline != nil:
		var own map[string]string
		if text, own, err = m.inline(d); err != nil {
			return nil, err
		}
		maps.Copy(d.vars, own)
	default:
		if err := m.a.own(r.Spec); err != nil {
			return nil, err
		}
		var own map[string]string
		text, own = r.Spec.Kind()
		maps.Copy(d.vars, own)
		if d.kind, err = m.kind(r.Spec.Name, text, picturesOf(r.Spec)); err != nil {
			return nil, err
		}
	}
	if err := checkVars(d.vars); err != nil {
		return nil, err
	}
	d.at, d.expires, err = m.a.times(r)
	d.hash = contentHash(r, text, d.vars, d.at, d.expires)
	if err == nil { // here, and not where others' messages wait: WeChat may be asked
		d.checked, d.writers, err = d.kind.check(ctx, m.a)
	}
	return d, err
}

// checkVars bounds what is stored with a message.
func checkVars(vars map[string]string) error {
	size := 0
	for name, value := range vars {
		size += len(name) + len(value)
	}
	if size <= messageVarsMax {
		return nil
	}
	return &wxcast.BadInput{Key: "vars", Problem: wxcast.Say("message.long_vars", "n", size>>10),
		Want: wxcast.Say("message.want_short_vars", "most", messageVarsMax>>10)}
}

// preset is the latest version of one.
func (m *messages) preset(ctx context.Context, name string) (latestPreset, error) {
	m.mu.Lock()
	latest, ok := m.presets[name]
	m.mu.Unlock()
	if ok && time.Since(latest.at) < presetKept {
		return latest, nil
	}
	p, err := m.a.db.Preset(ctx, m.a.ID, name, 0)
	if errors.Is(err, store.ErrNotFound) {
		return latest, notFound("preset.none", "name", name)
	}
	if err != nil {
		return latest, err
	}
	k, err := m.kind(name, p.Spec, nil)
	if err != nil {
		return latest, err
	}
	latest = latestPreset{p, k, time.Now()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.presets[name] = latest
	return latest, nil
}

// forget lets the next message of a preset look for its latest version.
func (m *messages) forget(preset string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.presets, preset)
}

// kind is the one of a text.
func (m *messages) kind(name, text string, files map[string][]byte) (*kind, error) {
	sum := sha256.Sum256([]byte(name + "\x00" + text))
	hash := hex.EncodeToString(sum[:16])
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.kinds[hash]; k != nil {
		return k, nil
	}
	s, err := spec.ParseMessage(name, []byte(text), forms...)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, file := range files {
		size += len(file)
	}
	if m.held += size; len(m.kinds) >= kindsKept || m.held > filesKept {
		clear(m.kinds) // they are made again
		m.held = size
	}
	k := &kind{name: name, hash: hash, files: files, turn: semaphore.NewWeighted(1), spec: Spec{s}}
	m.kinds[hash] = k
	return k, nil
}

// picturesOf are a spec's pictures, by their digests: so a Kind names them.
func picturesOf(s Spec) map[string][]byte {
	files := map[string][]byte{}
	for _, p := range s.Parts {
		if card, ok := p.Content.(*service.Content); ok && len(card.Image) > 0 {
			files[card.ImageDigest] = card.Image
		}
	}
	return files
}

// check holds a kind against the account and WeChat's templates, now and then.
func (k *kind) check(ctx context.Context, a *Account) (checkedSpec, []spec.Writer, error) {
	if err := k.turn.Acquire(ctx, 1); err != nil {
		return checkedSpec{}, nil, err
	}
	defer k.turn.Release(1)
	kept := kindChecked
	if k.err != nil {
		kept = kindRefused
	}
	if !k.at.IsZero() && time.Since(k.at) < kept {
		return k.checked, k.writers, k.err
	}
	checked, err := a.check(ctx, k.spec)
	var writers []spec.Writer
	if err == nil {
		writers, err = a.writers(checked)
	}
	var bad *wxcast.BadInput
	switch {
	case err == nil:
		k.checked, k.writers, k.err, k.at = checked, writers, nil, time.Now()
	case errors.As(err, &bad):
		k.err, k.at = err, time.Now()
	case k.writers != nil: // WeChat is away, and it was good before
		return k.checked, k.writers, nil
	}
	return checked, writers, err
}

// storeAll stores the messages of drafts, and notes in each what became of it.
func (m *messages) storeAll(ctx context.Context, drafts []*draft) {
	m.address(ctx, drafts)
	var ready []*draft
	var news []wxcast.NewMessage
	for _, d := range drafts {
		if d.err != nil {
			continue
		}
		var one wxcast.NewMessage
		if one, d.err = m.finish(ctx, d); d.err == nil {
			ready, news = append(ready, d), append(news, one)
		}
	}
	for from := 0; from < len(ready); from += messagesTogether {
		to := min(from+messagesTogether, len(ready))
		added, err := m.store(ctx, ready[from:to], news[from:to])
		for i, d := range ready[from:to] {
			if d.err = err; err == nil {
				d.added = added[i]
			}
		}
	}
}

// store stores messages, and lets them be sent. Where midnight came they are the next day's.
func (m *messages) store(ctx context.Context, of []*draft, all []wxcast.NewMessage) ([]wxcast.AddedMessage, error) {
	added, err := m.a.db.AddMessages(ctx, m.a.ID, all)
	if errors.Is(err, wxcast.ErrTooLate) {
		for i, d := range of {
			if all[i], err = m.finish(ctx, d); err != nil {
				return nil, err
			}
		}
		added, err = m.a.db.AddMessages(ctx, m.a.ID, all)
	}
	if err != nil {
		return nil, err
	}
	soon, woken := m.a.db.Now().Add(time.Second), map[int64]bool{}
	m.mu.Lock()
	crew := m.crew
	m.mu.Unlock()
	for _, one := range all {
		// A broadcast that this process does not work on yet finds them when it does.
		if crew != nil && !woken[one.BroadcastID] && one.SendAt.Before(soon) {
			woken[one.BroadcastID] = true
			crew.Wake(one.BroadcastID)
		}
	}
	return added, nil
}

// address finds the people of drafts.
func (m *messages) address(ctx context.Context, drafts []*draft) {
	byMini := map[int64][]*draft{}
	for _, d := range drafts {
		byMini[d.checked.miniID] = append(byMini[d.checked.miniID], d)
	}
	for mini, of := range byMini {
		ids := make([]string, len(of))
		for i, d := range of {
			ids[i] = d.To
		}
		found, err := m.a.db.FindRecipients(ctx, m.a.ID, mini, ids)
		for _, d := range of {
			d.person, d.err = found[d.To], err
		}
	}
}

// finish holds a request's values against the template, and finds the broadcast of its day.
func (m *messages) finish(ctx context.Context, d *draft) (one wxcast.NewMessage, err error) {
	if d.person.Recipient == "" {
		if d.person, err = m.stranger(ctx, d.checked, d.To); err != nil {
			return one, err
		}
	}
	person := d.person
	person.Vars = d.vars
	for _, w := range d.writers {
		var bad *spec.ValueError
		if shown, err := w.Show(&person); errors.As(err, &bad) && shown.To != "" {
			return one, d.bad(bad)
		}
	}
	at := d.at
	if now := m.a.db.Now(); at.Before(now) {
		at = now
	}
	day, err := m.day(ctx, d.kind, d.checked, at)
	return wxcast.NewMessage{BroadcastID: day.broadcastID, TakesUntil: day.takesUntil, Recipient: person.Recipient,
		MiniOpenID: person.MiniOpenID, Channel: d.checked.parts[0].Channel, Vars: d.vars, Key: d.Key,
		ContentHash: d.hash, Preset: d.Preset, Version: d.version, AskedBy: d.by, SendAt: at, ExpiresAt: d.expires}, err
}

// bad says where a value does not fit.
func (d *draft) bad(e *spec.ValueError) error {
	if d.Inline != nil && d.Spec.Spec == nil {
		d.Spec, _ = readInline(d.Inline) // it was read before, or one like it
	}
	if d.Spec.Spec != nil {
		return d.Spec.Bad(d.Spec.OwnKey(e.Key), e.Problem, e.Want)
	}
	return &wxcast.BadInput{Key: e.Key, Problem: e.Problem, Want: e.Want}
}

// stranger is somebody of whom only a consent is known: the mini program knows them.
func (m *messages) stranger(ctx context.Context, checked checkedSpec, id string) (wxcast.Delivery, error) {
	if slices.ContainsFunc(checked.parts, func(p spec.Part) bool {
		facts := channelOf(p.Channel)
		return facts.Right == wxcast.RightPermit && facts.App == wxcast.KindMiniProgram
	}) {
		permits, err := m.a.db.PermitsOf(ctx, m.a.ID, checked.miniID, wxcast.Recipient(id))
		if err != nil {
			return wxcast.Delivery{}, err
		}
		if len(permits) > 0 {
			return wxcast.Delivery{Recipient: wxcast.Recipient(id), MiniOpenID: wxcast.MiniOpenID(id)}, nil
		}
	}
	return wxcast.Delivery{}, &wxcast.BadInput{Key: "to", Problem: wxcast.Say("message.nobody", "id", id),
		Want: wxcast.Say("message.want_somebody")}
}
