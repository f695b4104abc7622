package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// eventOfReceipt is what happened to a delivery of which a receipt came; else it is its state.
const eventOfReceipt = "receipt"

// told is what happened to a delivery, for other systems.
type told struct {
	toldWhat
	Recipient wxcast.Recipient
	Message   int64
	MsgID     int64 `db:"msgid"`
	Receipt   string
	At        time.Time `db:"-"` // zero for now
}

// toldWhat is what many of them share.
type toldWhat struct {
	BroadcastID int64 `db:"broadcast_id"`
	Channel     string
	What        string `db:"-"`
	ErrCode     int    `db:"-"`
}

// tellDeliveries tells what happened to deliveries, in their order as far as each is concerned.
func (db *DB) tellDeliveries(ctx context.Context, tx *sqlx.Tx, accountID int64, all []told) error {
	type group struct {
		toldWhat
		messages bool
	}
	var order []group
	of := map[group][]occurrence{}
	for _, t := range all {
		g := group{t.toldWhat, t.Message != 0}
		if g.messages {
			g.BroadcastID = 0 // that which holds them is none of the caller's
		}
		if of[g] == nil {
			order = append(order, g)
			of[g] = make([]occurrence, 0, len(all))
		}
		of[g] = append(of[g], occurrence{t.At, t.own()})
	}
	for _, g := range order {
		kind := wxcast.EventsOfDeliveries
		if g.messages {
			kind = wxcast.EventsOfMessages
		}
		shared := struct {
			Broadcast int64  `json:"broadcast,omitempty"`
			Channel   string `json:"channel"`
			ErrCode   int    `json:"errcode,omitempty"`
		}{g.BroadcastID, g.Channel, g.ErrCode}
		if err := db.tell(ctx, tx, accountID, kind+"."+g.What, shared, of[g]...); err != nil {
			return err
		}
	}
	return nil
}

// own is what a delivery's event has of its own, as few bytes as may be, since there are as many
// as messages: recipient, msgid, message and receipt, as the elements of a JSON array.
func (t told) own() []byte {
	own := make([]byte, 0, 64)
	own = appendJSON(own, string(t.Recipient))
	own = strconv.AppendInt(append(own, ','), t.MsgID, 10)
	if t.Message != 0 || t.Receipt != "" {
		own = strconv.AppendInt(append(own, ','), t.Message, 10)
	}
	if t.Receipt != "" {
		own = appendJSON(append(own, ','), t.Receipt)
	}
	return own
}

// appendJSON adds a text as JSON.
func appendJSON(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(to, jsonParam(text)...)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}

// toldOf is the data of a delivery's event, of its own's elements.
func toldOf(own []json.RawMessage) ([]byte, error) {
	var t struct {
		ID        int64            `json:"id,omitempty"` // of a message
		Recipient wxcast.Recipient `json:"recipient"`
		MsgID     int64            `json:"msgid,string,omitempty"` // text: it is above 2^53
		Receipt   string           `json:"receipt,omitempty"`
	}
	for i, to := range []any{&t.Recipient, &t.MsgID, &t.ID, &t.Receipt} {
		if i < len(own) {
			if err := json.Unmarshal(own[i], to); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(t)
}

// ended are deliveries that a statement has ended, as one state with one code.
func (db *DB) ended(ctx context.Context, tx *sqlx.Tx, accountID int64, state wxcast.DeliveryState, code int,
	query string, args ...any) (n int64, err error) {
	var rows []told
	if err := tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return 0, err
	}
	for i := range rows {
		rows[i].What, rows[i].ErrCode = string(state), code
	}
	return int64(len(rows)), db.tellDeliveries(ctx, tx, accountID, rows)
}

// toldBroadcast is a broadcast, for other systems.
type toldBroadcast struct {
	ID       int64  `json:"broadcast"`
	Name     string `json:"name"`
	Messages bool   `json:"messages,omitempty" db:"of_messages"` // it holds the single messages of a day
	Reason   string `json:"reason,omitempty" db:"-"`             // its code
}

// moved runs a statement that takes broadcasts from a state, or "" for any, to another, and
// returns how many.
func (db *DB) moved(ctx context.Context, tx *sqlx.Tx, accountID int64, from, to wxcast.BroadcastState,
	reason wxcast.Sentence, query string, args ...any) (n int, err error) {
	var rows []toldBroadcast
	if err := tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return 0, err
	}
	var all []occurrence
	for _, b := range rows {
		// A day of messages is over, or a broadcast runs as before.
		if b.Messages && to == wxcast.BroadcastDone || to == from {
			continue
		}
		b.Reason = reason.Code
		all = append(all, happened(b))
	}
	return len(rows), db.tell(ctx, tx, accountID, wxcast.EventsOfBroadcasts+"."+string(to), nil, all...)
}

// toldPerson is somebody who came or left, for other systems.
type toldPerson struct {
	OpenID  wxcast.OpenID `json:"openid" db:"openid"`
	UnionID *string       `json:"unionid,omitempty" db:"unionid"`
}

// tellPeople tells of people who came or left, as a query finds them, and returns how many.
func (db *DB) tellPeople(ctx context.Context, tx *sqlx.Tx, accountID int64, what string, query string,
	args ...any) (n int64, err error) {
	var rows []toldPerson
	if err := tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return 0, err
	}
	all := make([]occurrence, len(rows))
	for i, p := range rows {
		all[i] = happened(p)
	}
	return int64(len(rows)), db.tell(ctx, tx, accountID, wxcast.EventsOfFollowers+"."+what, nil, all...)
}

// tellComers tells of those among some followers who came, or came back, in this transaction.
func (db *DB) tellComers(ctx context.Context, tx *sqlx.Tx, accountID int64, now time.Time,
	followers []wxcast.Follower) error {
	openids := make([]wxcast.OpenID, len(followers))
	for i, f := range followers {
		openids[i] = f.OpenID
	}
	_, err := db.tellPeople(ctx, tx, accountID, "followed", fmt.Sprintf(db.q.FindComers, db.engine.elements("$3")),
		accountID, now, jsonParam(openids))
	return err
}

// toldSync is a run of the sync, for other systems.
type toldSync struct {
	Run  int64           `json:"run"`
	Mode wxcast.SyncMode `json:"mode"`
}

// toldReport is the report of a Beijing day, for other systems.
type toldReport struct {
	Day wxcast.Day `json:"day"`
}

// toldPermit is what a person answered, for other systems.
type toldPermit struct {
	TemplateID string              `json:"template_id"`
	Recipient  wxcast.Recipient    `json:"recipient"`
	Source     wxcast.PermitSource `json:"source"`
}

// toldOptOut is somebody who asked for no more messages, or for messages again, for other systems.
type toldOptOut struct {
	ID     string `json:"id"` // an openid, or else the id that was given
	Source string `json:"source,omitempty"`
}

func (db *DB) tellOptOuts(ctx context.Context, tx *sqlx.Tx, accountID int64, what, source string,
	ids []string) error {
	all := make([]occurrence, len(ids))
	for i, id := range ids {
		all[i] = happened(toldOptOut{id, source})
	}
	return db.tell(ctx, tx, accountID, wxcast.EventsOfOptOuts+"."+what, nil, all...)
}
