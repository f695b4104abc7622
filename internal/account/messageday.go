package account

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wxcast/wxcast/broadcast"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// day is the broadcast that holds a kind's messages of the day of a time.
func (m *messages) day(ctx context.Context, k *kind, checked checkedSpec, at time.Time) (dayOfKind, error) {
	day := wxcast.DayOf(at)
	hash := fmt.Sprintf("message:v1:%s:%d:%s", k.hash, checked.miniID, day)
	m.mu.Lock()
	known, ok := m.days[hash]
	m.mu.Unlock()
	if ok {
		return known, nil
	}
	b, err := m.findDay(ctx, k, checked, hash, day)
	if err != nil {
		return known, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.days, func(_ string, d dayOfKind) bool { return d.takesUntil.Before(m.a.db.Now()) })
	m.days[hash] = dayOfKind{b.ID, b.TakesUntil}
	return m.days[hash], nil
}

func (m *messages) findDay(ctx context.Context, k *kind, checked checkedSpec, hash string,
	day wxcast.Day) (wxcast.Broadcast, error) {
	until := day.Next().Begin()
	find := func() (wxcast.Broadcast, bool, error) {
		all, err := m.a.db.BroadcastsByName(ctx, m.a.ID, k.name)
		i := slices.IndexFunc(all, func(b wxcast.Broadcast) bool { return b.ContentHash == hash })
		if err != nil || i < 0 {
			return wxcast.Broadcast{}, false, err
		}
		return all[i], true, nil
	}
	if b, found, err := find(); err != nil || found {
		return b, err
	}
	if n, err := m.a.db.KindsOfMessages(ctx, m.a.ID, until); err != nil || n >= kindsMax {
		if err == nil {
			err = &wxcast.BadInput{Key: "spec", Problem: wxcast.Say("message.many_kinds", "n", n),
				Want: wxcast.Say("message.want_vars")}
		}
		return wxcast.Broadcast{}, err
	}
	options := m.a.sendOptions(checked.Spec)
	b := wxcast.Broadcast{AccountID: m.a.ID, MiniID: checked.miniID, Channels: m.a.channels(checked),
		Files: k.files, Name: k.name, ContentHash: hash, Spec: checked.Text(),
		Audience:   wxcast.Audience{MiniID: checked.miniID, MiniUsers: true, Track: checked.Track},
		MessageKey: wxcast.NewMessageKey(), State: wxcast.BroadcastRunning, Rate: options.Rate,
		Priority: options.Priority, TakesUntil: until}
	if begins := day.Begin(); begins.After(m.a.db.Now()) {
		b.State, b.ResumeAt = wxcast.BroadcastScheduled, begins
	}
	b, added, err := m.a.db.AddBroadcast(ctx, b)
	if added {
		m.tell()
	}
	if err != nil || added {
		return b, err
	}
	b, _, err = find() // another process was faster
	return b, err
}

// tell says that there may be a broadcast that this process does not work on yet.
func (m *messages) tell() {
	select {
	case m.told <- struct{}{}:
	default: // it is told already
	}
}

// sendKind works on a broadcast that holds single messages, until ctx ends or it stands still.
func (a *Account) sendKind(ctx context.Context, b wxcast.Broadcast) error {
	checked, err := a.stored(ctx, b)
	if err != nil {
		return err
	}
	by, err := a.sendBy(ctx, checked, b)
	if err != nil {
		return err
	}
	o := a.sendOptions(checked.Spec)
	o.Rate = 0 // as it is
	_, err = broadcast.Run(ctx, a.db, b, by, o)
	return err
}
