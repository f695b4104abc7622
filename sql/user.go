package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// seenEvery is how exactly it is kept when a user was last seen: not each request is a write.
const seenEvery = time.Minute

// secretHash is what is kept of an API key, a link or a session's token. They are 130 random
// bits, so nothing slower than SHA-256 is needed to keep them unguessable.
func secretHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

type userRow struct {
	ID           int64
	Name         string
	Grants       string
	People       bool
	PasswordHash string         `db:"password_hash"`
	TOTPSecret   string         `db:"totp_secret"`
	LinkHash     sql.NullString `db:"link_hash"`
	LinkEndsAt   sql.NullTime   `db:"link_ends_at"`
	Subject      sql.NullString
	Failed       int
	LockedUntil  sql.NullTime `db:"locked_until"`
	CreatedAt    time.Time    `db:"created_at"`
	DisabledAt   sql.NullTime `db:"disabled_at"`
	LastSeenAt   sql.NullTime `db:"last_seen_at"`
}

func (r userRow) user() (wxcast.User, error) {
	u := wxcast.User{ID: r.ID, Name: r.Name, People: r.People, TOTP: r.TOTPSecret != "",
		Invited: r.PasswordHash == "" && !r.Subject.Valid, Federated: r.Subject.Valid,
		CreatedAt: r.CreatedAt.UTC(), DisabledAt: utc(r.DisabledAt), LastSeenAt: utc(r.LastSeenAt)}
	if err := json.Unmarshal([]byte(r.Grants), &u.Grants); err != nil {
		return u, fmt.Errorf("read the roles of user %s: %w", r.Name, err)
	}
	return u, nil
}

func (db *DB) credentials(r userRow) (wxcast.Credentials, error) {
	c := wxcast.Credentials{PasswordHash: r.PasswordHash, Failed: r.Failed, LockedUntil: utc(r.LockedUntil)}
	var err error
	if c.TOTPSecret, err = db.keys.Open(r.TOTPSecret, aboutTOTP(r.Name)); err != nil {
		err = fmt.Errorf("open the second factor of user %s: %w", r.Name, err)
	}
	return c, err
}

// aboutTOTP is what a sealed second factor is of.
func aboutTOTP(name string) string { return "totp " + name }

// sealTOTP seals a second factor; none stays none.
func (db *DB) sealTOTP(name, secret string) string {
	if secret == "" {
		return ""
	}
	return db.keys.Seal(secret, aboutTOTP(name))
}

// AddUser keeps a user who chooses a password by a one-time link; false means that there is
// one with that name.
func (db *DB) AddUser(ctx context.Context, u wxcast.User, link string, linkEnds time.Time) (added bool, err error) {
	if _, err := db.exec(ctx, db.q.AddUser, u.Name, jsonParam(u.Grants), u.People, secretHash(link), linkEnds.UTC(),
		db.Now()); err != nil {
		return false, fmt.Errorf("keep user %s: %w", u.Name, err)
	}
	// The link is of this call alone: what it made is known by it, whatever answer was lost.
	_, _, found, err := db.findUser(ctx, db.q.FindUserByLink, secretHash(link), db.Now())
	return found, err
}

// UserBySubject finds a user of the company's issuer.
func (db *DB) UserBySubject(ctx context.Context, subject string) (wxcast.User, bool, error) {
	u, _, found, err := db.findUser(ctx, db.q.FindUserBySubject, subject)
	return u, found, err
}

// AddFederatedUser keeps a user of the company's issuer; false means that there is another user
// with that name.
func (db *DB) AddFederatedUser(ctx context.Context, u wxcast.User, subject string) (bool, error) {
	if _, err := db.exec(ctx, db.q.AddFederatedUser, u.Name, jsonParam(u.Grants), u.People, subject,
		db.Now()); err != nil {
		return false, fmt.Errorf("keep user %s: %w", u.Name, err)
	}
	kept, found, err := db.UserBySubject(ctx, subject)
	return found && kept.Name == u.Name, err
}

// Users lists all users by name.
func (db *DB) Users(ctx context.Context) ([]wxcast.User, error) {
	var rows []userRow
	if err := db.list(ctx, &rows, db.q.ListUsers); err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users := make([]wxcast.User, len(rows))
	for i, r := range rows {
		var err error
		if users[i], err = r.user(); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// AnyUsers tells whether there is a user who is not disabled.
func (db *DB) AnyUsers(ctx context.Context) (any bool, err error) {
	return any, db.get(ctx, &any, db.q.AnyUsers)
}

// User finds a user by name.
func (db *DB) User(ctx context.Context, name string) (wxcast.User, wxcast.Credentials, bool, error) {
	return db.findUser(ctx, db.q.FindUser, name)
}

// UserByLink finds whom a one-time link is for.
func (db *DB) UserByLink(ctx context.Context, link string) (wxcast.User, bool, error) {
	u, _, found, err := db.findUser(ctx, db.q.FindUserByLink, secretHash(link), db.Now())
	return u, found, err
}

func (db *DB) findUser(ctx context.Context, query string, args ...any) (wxcast.User, wxcast.Credentials, bool, error) {
	var row userRow
	switch err := db.get(ctx, &row, query, args...); {
	case errors.Is(err, ErrNotFound):
		return wxcast.User{}, wxcast.Credentials{}, false, nil
	case err != nil:
		return wxcast.User{}, wxcast.Credentials{}, false, fmt.Errorf("look up a user: %w", err)
	}
	u, err := row.user()
	if err != nil {
		return u, wxcast.Credentials{}, true, err
	}
	c, err := db.credentials(row)
	return u, c, true, err
}

// GrantUser gives a user these roles instead of those before.
func (db *DB) GrantUser(ctx context.Context, u wxcast.User) error {
	if _, err := db.exec(ctx, db.q.GrantUser, u.ID, jsonParam(u.Grants), u.People); err != nil {
		return fmt.Errorf("change the roles of user %s: %w", u.Name, err)
	}
	return nil
}

// DisableUser shuts a user out at once, everywhere; with at zero it lets them in again.
func (db *DB) DisableUser(ctx context.Context, id int64, at time.Time) error {
	return db.changeUser(ctx, id, db.q.DisableUser, id, nullTime(at))
}

// ResetUser takes a user's password and second factor away, everywhere at once: they choose
// others by a one-time link.
func (db *DB) ResetUser(ctx context.Context, id int64, link string, linkEnds time.Time) error {
	return db.changeUser(ctx, id, db.q.ResetUser, id, secretHash(link), linkEnds.UTC())
}

// changeUser runs a statement on a user, and ends all of their sessions.
func (db *DB) changeUser(ctx context.Context, id int64, query string, args ...any) error {
	return db.changeUserBut(ctx, id, "", query, args...)
}

// changeUserBut is changeUser, but for the session with a token.
func (db *DB) changeUserBut(ctx context.Context, id int64, token, query string, args ...any) error {
	stays := ""
	if token != "" {
		stays = secretHash(token)
	}
	err := db.retryTransient(ctx, func(ctx context.Context) error {
		tx, err := db.write.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // a no-op after Commit
		if err := execBoth(ctx, tx, query, args, db.q.EndUserSessions, []any{id, stays}); err != nil {
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return fmt.Errorf("change user %d: %w", id, err)
	}
	return nil
}

func execBoth(ctx context.Context, tx *sqlx.Tx, first string, firstArgs []any, second string, secondArgs []any) error {
	if _, err := tx.ExecContext(ctx, first, firstArgs...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, second, secondArgs...)
	return err
}

// UseLink gives the user of a one-time link a password and, unless it is "", a second
// factor, of which the code of a step was shown. False means that the link is not good, or no more.
func (db *DB) UseLink(ctx context.Context, u wxcast.User, link, passwordHash, totpSecret string,
	step int64) (bool, error) {
	if _, err := db.exec(ctx, db.q.UseLink, secretHash(link), passwordHash, db.sealTOTP(u.Name, totpSecret),
		db.Now(), step); err != nil {
		return false, fmt.Errorf("set the password of user %s: %w", u.Name, err)
	}
	// The hash is salted, so it is of this call alone.
	_, c, found, err := db.User(ctx, u.Name)
	return found && c.PasswordHash == passwordHash, err
}

// SetPassword changes a user's password, and ends their other sessions than the one with a token.
func (db *DB) SetPassword(ctx context.Context, id int64, passwordHash, token string) error {
	return db.changeUserBut(ctx, id, token, db.q.SetPassword, id, passwordHash)
}

// SetTOTP changes a user's second factor, "" for none, and ends their other sessions. step is
// that of the code with which they have shown that they have it.
func (db *DB) SetTOTP(ctx context.Context, u wxcast.User, secret string, step int64, token string) error {
	return db.changeUserBut(ctx, u.ID, token, db.q.SetTOTP, u.ID, db.sealTOTP(u.Name, secret), step)
}

// UseTOTPStep uses the code of a step; false means that it, or a later one, was used before.
func (db *DB) UseTOTPStep(ctx context.Context, id, step int64) (bool, error) {
	rows, err := db.exec(ctx, db.q.UseTOTPStep, id, step)
	return rows == 1, err
}

// CountTry counts a try to sign in before it is known whether it is right, and refuses others
// until a time. False means that another one was counted meanwhile.
func (db *DB) CountTry(ctx context.Context, id int64, failed int, lockedUntil time.Time) (bool, error) {
	rows, err := db.exec(ctx, db.q.CountTry, id, nullTime(lockedUntil), failed)
	return rows == 1, err
}

// TriedWell forgets a user's wrong tries.
func (db *DB) TriedWell(ctx context.Context, id int64) error {
	_, err := db.exec(ctx, db.q.TriedWell, id)
	return err
}

// AddUserSession keeps that a user has signed in.
func (db *DB) AddUserSession(ctx context.Context, s wxcast.UserSession, token string) error {
	if _, err := db.exec(ctx, db.q.AddUserSession, secretHash(token), s.UserID, db.Now(), s.EndsAt.UTC(), s.Address,
		s.Agent); err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	return nil
}

type userSessionRow struct {
	TokenHash string    `db:"token_hash"`
	UserID    int64     `db:"user_id"`
	CreatedAt time.Time `db:"created_at"`
	SeenAt    time.Time `db:"seen_at"`
	EndsAt    time.Time `db:"ends_at"`
	Address   string
	Agent     string
}

func (r userSessionRow) session() wxcast.UserSession {
	return wxcast.UserSession{ID: r.TokenHash, UserID: r.UserID, CreatedAt: r.CreatedAt.UTC(), SeenAt: r.SeenAt.UTC(),
		EndsAt: r.EndsAt.UTC(), Address: r.Address, Agent: r.Agent}
}

// UserSession finds who has signed in with a token. A session ends when nobody was seen in it
// for idle. seen notes that somebody is there.
func (db *DB) UserSession(ctx context.Context, token string, idle time.Duration, seen bool) (_ wxcast.User,
	_ wxcast.UserSession, found bool, err error) {
	var row struct {
		userRow
		TokenHash  string    `db:"token_hash"`
		UserID     int64     `db:"user_id"`
		SignedInAt time.Time `db:"signed_in_at"`
		SeenAt     time.Time `db:"seen_at"`
		EndsAt     time.Time `db:"ends_at"`
		Address    string
		Agent      string
	}
	now := db.Now()
	switch err := db.get(ctx, &row, db.q.FindUserSession, secretHash(token), now, now.Add(-idle)); {
	case errors.Is(err, ErrNotFound):
		return wxcast.User{}, wxcast.UserSession{}, false, nil
	case err != nil:
		return wxcast.User{}, wxcast.UserSession{}, false, fmt.Errorf("look up a session: %w", err)
	}
	s := userSessionRow{row.TokenHash, row.UserID, row.SignedInAt, row.SeenAt, row.EndsAt, row.Address,
		row.Agent}.session()
	u, err := row.userRow.user()
	if err == nil && seen && now.Sub(s.SeenAt) > seenEvery {
		if _, err = db.exec(ctx, db.q.UserSessionSeen, s.ID, now); err == nil {
			_, err = db.exec(ctx, db.q.UserSeen, u.ID, now)
		}
	}
	return u, s, true, err
}

// UserSessions lists where a user has signed in, the last seen first.
func (db *DB) UserSessions(ctx context.Context, userID int64, idle time.Duration) ([]wxcast.UserSession, error) {
	var rows []userSessionRow
	now := db.Now()
	if err := db.list(ctx, &rows, db.q.ListUserSessions, userID, now, now.Add(-idle)); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	all := make([]wxcast.UserSession, len(rows))
	for i, r := range rows {
		all[i] = r.session()
	}
	return all, nil
}

// EndUserSession ends one of a user's sessions, by its ID.
func (db *DB) EndUserSession(ctx context.Context, userID int64, id string) error {
	_, err := db.exec(ctx, db.q.EndUserSession, userID, id)
	return err
}

// EndUserSessions ends all of a user's sessions but the one with a token; "" for all.
func (db *DB) EndUserSessions(ctx context.Context, userID int64, token string) error {
	stays := ""
	if token != "" {
		stays = secretHash(token)
	}
	_, err := db.exec(ctx, db.q.EndUserSessions, userID, stays)
	return err
}

// DropOldUserSessions removes the sessions that have ended.
func (db *DB) DropOldUserSessions(ctx context.Context, idle time.Duration) (int64, error) {
	now := db.Now()
	return db.exec(ctx, db.q.DropOldUserSessions, now, now.Add(-idle))
}
