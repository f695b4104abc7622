// Package login is the door of a mini program's users: POST /login turns what wx.login gave
// into a session of ours.
package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wxcast/wxcast/internal/limit"
	"github.com/wxcast/wxcast/internal/text"
	"github.com/wxcast/wxcast/internal/visit"
	"github.com/wxcast/wxcast/internal/wechat"
	"github.com/wxcast/wxcast/internal/wxcast"
)

const (
	// sessionLife is how long a session token is good.
	sessionLife = 2 * time.Hour
	loginMax    = 4 << 10 // bytes of a request
	// loginsOfIP and loginsOfUser are logins a second and at once. People behind one
	// carrier's address are many; one person logs in when the mini program starts.
	loginsOfIP, loginBurstOfIP     = 10, 50
	loginsOfUser, loginBurstOfUser = 0.2, 10
)

// MiniProgram is one whose users log in.
type MiniProgram struct {
	ID        int64
	AppID     wxcast.AppID
	AccountID int64 // whose followers its users are bridged to
	Source    interface {
		CodeToSession(ctx context.Context, code string) (wxcast.MiniUser, error)
	}
}

// Store keeps who has logged in.
type Store interface {
	Now() time.Time
	Login(ctx context.Context, accountID, miniID int64, user wxcast.MiniUser) (bridged bool, err error)
	RecordPermits(ctx context.Context, accountID, appID int64,
		reports []wxcast.PermitReport) ([]wxcast.PermitBalance, error)
	visit.Store
}

// Options are what logins need.
type Options struct {
	Store        Store
	MiniPrograms []MiniProgram
	// Key signs the sessions (HS256). OldKey is the one before, whose sessions are good still.
	Key, OldKey interface{ Reveal() string }
	Address     func(r *http.Request) string // of who sends a request
	// Refused is told of a login that was refused, and from where.
	Refused func(ctx context.Context, why, address string)
	Log     *slog.Logger
}

// Door lets mini users log in.
type Door struct {
	Options
	ofIP, ofUser *limit.Each
	reports      *limit.Each // of a person: what they allow, and visits
	permits      map[wxcast.AppID]*permitQueue
}

// New makes the door.
func New(o Options) *Door {
	d := &Door{Options: o, ofIP: limit.New(loginsOfIP, loginBurstOfIP),
		ofUser:  limit.New(loginsOfUser, loginBurstOfUser),
		reports: limit.New(reportsOfUser, reportBurstOfUser), permits: map[wxcast.AppID]*permitQueue{}}
	for _, m := range o.MiniPrograms {
		if d.permits[m.AppID] == nil { // of accounts that share it the first, as miniProgram has it
			d.permits[m.AppID] = newPermitQueue(o.Store, m)
		}
	}
	return d
}

// KeyMin is the shortest key that RFC 7518 allows for HS256.
const KeyMin = 32

// KeyID names a session key and tells nothing of it: sessions say by it which key they are
// signed with, so that who reads them can know two while one replaces the other.
func KeyID(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte("wxcast session key"))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// Routes adds the door.
func (d *Door) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /login", d.login)
	mux.HandleFunc("POST /permits", d.takePermits)
	mux.HandleFunc("POST /visits", d.takeVisit)
}

// Run stores what people allow until ctx ends.
func (d *Door) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, q := range d.permits {
		all.Go(func() { q.Run(ctx) })
	}
	all.Wait()
}

type loginRequest struct {
	Code  string       `json:"code"`
	AppID wxcast.AppID `json:"appid"` // needed where there are several mini programs
}

type loginAnswer struct {
	Session   string `json:"session"`
	ExpiresIn int    `json:"expires_in"` // seconds
	Bridged   bool   `json:"bridged"`    // the person follows the official account
}

// login turns what wx.login gave into a session of ours, and stores who logged in.
func (d *Door) login(w http.ResponseWriter, r *http.Request) {
	if !d.ofIP.Allow(d.Address(r), time.Now()) {
		d.refuse(w, r, http.StatusTooManyRequests, wxcast.Say("login.too_many_here"))
		return
	}
	var in loginRequest
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, loginMax))
	if err != nil || json.Unmarshal(body, &in) != nil || in.Code == "" || len(in.Code) > 128 {
		d.refuse(w, r, http.StatusBadRequest, wxcast.Say("login.want_code"))
		return
	}
	mini, ok := d.miniProgram(in.AppID)
	if !ok {
		d.refuse(w, r, http.StatusBadRequest, wxcast.Say("login.no_mini"))
		return
	}
	user, err := mini.Source.CodeToSession(r.Context(), in.Code)
	switch {
	case errors.Is(err, wechat.ErrLoginAgain):
		d.refuse(w, r, http.StatusUnauthorized, wxcast.Say("login.again"))
		return
	case errors.Is(err, wechat.ErrLoginBlocked):
		d.refuse(w, r, http.StatusForbidden, wxcast.Say("login.blocked"))
		return
	case err != nil:
		d.Log.ErrorContext(r.Context(), "WeChat did not take a login code", "mini_appid", mini.AppID, "err", err)
		answerRefused(w, r, http.StatusServiceUnavailable, wxcast.Say("login.no_answer"))
		return
	case !d.ofUser.Allow(string(user.MiniOpenID), time.Now()):
		d.refuse(w, r, http.StatusTooManyRequests, wxcast.Say("login.too_many_of_person"))
		return
	}
	answer := loginAnswer{ExpiresIn: int(sessionLife.Seconds())}
	if user.UnionID != "" { // else nobody can be bridged: doctor tells how to mend it
		if answer.Bridged, err = d.Store.Login(r.Context(), mini.AccountID, mini.ID, user); err != nil {
			d.Log.ErrorContext(r.Context(), "a login was not stored", "err", err)
			answerRefused(w, r, http.StatusServiceUnavailable, wxcast.Say("login.try_again"))
			return
		}
	}
	now := d.Store.Now()
	session := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer: "wxcast", Audience: jwt.ClaimStrings{string(mini.AppID)}, Subject: string(user.MiniOpenID),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(sessionLife)),
	})
	session.Header["kid"] = KeyID(d.Key.Reveal())
	answer.Session, err = session.SignedString([]byte(d.Key.Reveal()))
	if err != nil {
		d.Log.ErrorContext(r.Context(), "a session was not signed", "err", err)
		answerRefused(w, r, http.StatusInternalServerError, wxcast.Say("login.try_again"))
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// miniProgram is the one with this appid; "" is the only one there is.
func (d *Door) miniProgram(appid wxcast.AppID) (MiniProgram, bool) {
	for _, m := range d.MiniPrograms {
		if m.AppID == appid || appid == "" && len(d.MiniPrograms) == 1 {
			return m, true
		}
	}
	return MiniProgram{}, false
}

// refuse refuses somebody, and notes that.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, status int, why wxcast.Sentence) {
	if d.Refused != nil {
		d.Refused(r.Context(), http.StatusText(status), d.Address(r))
	}
	answerRefused(w, r, status, why)
}

// answerRefused says why in the language that is asked for.
func answerRefused(w http.ResponseWriter, r *http.Request, status int, why wxcast.Sentence) {
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, status, map[string]string{"error": text.OfRequest(r).Say(why)})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
