package access

import (
	"context"
	"crypto/rand"
	"regexp"
	"time"

	"github.com/wxcast/wxcast/internal/foreign"
	"github.com/wxcast/wxcast/internal/limit"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// UserStore keeps users, and where they have signed in.
type UserStore interface {
	Now() time.Time
	AnyUsers(ctx context.Context) (bool, error)
	User(ctx context.Context, name string) (wxcast.User, wxcast.Credentials, bool, error)
	UserByLink(ctx context.Context, link string) (wxcast.User, bool, error)
	UseLink(ctx context.Context, u wxcast.User, link, passwordHash, totpSecret string, step int64) (bool, error)
	SetPassword(ctx context.Context, id int64, passwordHash, token string) error
	SetTOTP(ctx context.Context, u wxcast.User, secret string, step int64, token string) error
	UseTOTPStep(ctx context.Context, id, step int64) (bool, error)
	CountTry(ctx context.Context, id int64, failed int, lockedUntil time.Time) (bool, error)
	TriedWell(ctx context.Context, id int64) error
	AddUserSession(ctx context.Context, s wxcast.UserSession, token string) error
	UserSession(ctx context.Context, token string, idle time.Duration, seen bool) (wxcast.User, wxcast.UserSession,
		bool,
		error)
	UserSessions(ctx context.Context, userID int64, idle time.Duration) ([]wxcast.UserSession, error)
	EndUserSession(ctx context.Context, userID int64, id string) error
	EndUserSessions(ctx context.Context, userID int64, token string) error
}

// UserName is what a user may be called: it stands in the audit log. A company's own names, such
// as an e-mail address, are such names.
var UserName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// LinkLife is how long a one-time link is good.
const LinkLife = 24 * time.Hour

// NewLink makes the secret part of a one-time link.
func NewLink() string { return "wxl_" + rand.Text() }

const (
	// triesFree are wrong tries that cost a user nothing; then each makes them wait twice as
	// long, up to lockMost.
	triesFree = 5
	lockFirst = 10 * time.Second
	lockMost  = 15 * time.Minute
	// triesOfAddress are tries a second and at once of one address.
	triesOfAddress, tryBurstOfAddress = 0.2, 20
	agentMost                         = 200 // characters kept of how a browser calls itself
	secretMost                        = 64  // longer than any link or token of ours
)

// Users lets the company's people in. It is safe for concurrent use.
type Users struct {
	Store  UserStore
	Policy Policy
	// SessionLife is how long somebody stays signed in, and SessionIdle how long while nobody
	// does anything.
	SessionLife, SessionIdle time.Duration

	tries *limit.Each
}

// NewUsers makes them.
func NewUsers(store UserStore, p Policy, life, idle time.Duration) *Users {
	return &Users{Store: store, Policy: p, SessionLife: life, SessionIdle: idle,
		tries: limit.New(triesOfAddress, tryBurstOfAddress)}
}

// SignInRefusal is why somebody may not sign in.
type SignInRefusal int

// The refusals. A stranger is told the same of the first two.
const (
	SignedIn   SignInRefusal = iota
	WrongUser                // no such user, or a disabled or invited one
	WrongProof               // the password, or the code, is wrong
	LockedOut                // too many wrong tries of this user
	TooOften                 // too many tries from this address
)

func (r SignInRefusal) String() string {
	return [...]string{"signed in", "wrong user", "wrong proof", "locked out", "too often"}[r]
}

// Proof is what somebody shows to sign in.
type Proof struct {
	Name, Password, Code string
	Address, Agent       string // of the browser
}

// SignIn lets a user in who proves who they are, and returns their session's token. u is who
// they say they are, where there is such a user.
func (s *Users) SignIn(ctx context.Context, p Proof) (token string, u wxcast.User, why SignInRefusal, err error) {
	if !s.MayTry(p.Address) {
		return "", u, TooOften, nil
	}
	if !UserName.MatchString(p.Name) || len(p.Password) > PasswordMax {
		return "", u, WrongUser, nil
	}
	u, c, found, err := s.Store.User(ctx, p.Name)
	if err != nil {
		return "", u, WrongUser, err
	}
	if !found || !u.DisabledAt.IsZero() || u.Invited {
		_, err := rightPassword(ctx, p.Password, noPassword)
		return "", u, WrongUser, err
	}
	if why, err = s.count(ctx, u, c); err != nil || why != SignedIn {
		return "", u, why, err
	}
	right, err := rightPassword(ctx, p.Password, c.PasswordHash)
	if err == nil && right && u.TOTP {
		right, err = s.useCode(ctx, u, c.TOTPSecret, p.Code)
	}
	if err != nil || !right {
		return "", u, WrongProof, err
	}
	if err := s.Store.TriedWell(ctx, u.ID); err != nil {
		return "", u, WrongProof, err
	}
	token, err = s.begin(ctx, u, p)
	return token, u, SignedIn, err
}

// MayTry tells whether an address may try to sign in now, by whatever door.
func (s *Users) MayTry(address string) bool { return s.tries.Allow(address, time.Now()) }

// count counts a try before it is known whether it is right: thousands at the same moment count,
// too.
func (s *Users) count(ctx context.Context, u wxcast.User, c wxcast.Credentials) (why SignInRefusal, err error) {
	now := s.Store.Now()
	if now.Before(c.LockedUntil) {
		return LockedOut, nil
	}
	until := time.Time{}
	if over := c.Failed - triesFree; over >= 0 {
		until = now.Add(min(lockFirst<<min(over, 10), lockMost))
	}
	alone, err := s.Store.CountTry(ctx, u.ID, c.Failed, until)
	if err == nil && !alone {
		why = TooOften
	}
	return why, err
}

func (s *Users) useCode(ctx context.Context, u wxcast.User, secret, code string) (bool, error) {
	step, ok := totpStep(code, secret, s.Store.Now())
	if !ok {
		return false, nil
	}
	return s.Store.UseTOTPStep(ctx, u.ID, step)
}

// begin begins a session.
func (s *Users) begin(ctx context.Context, u wxcast.User, p Proof) (token string, err error) {
	token = "wxs_" + rand.Text()
	return token, s.Store.AddUserSession(ctx, wxcast.UserSession{UserID: u.ID,
		EndsAt: s.Store.Now().Add(s.SessionLife), Address: p.Address, Agent: foreign.Text(p.Agent, agentMost)}, token)
}

// Session finds who has signed in with a token. seen says that the user did something, rather
// than a page that looks by itself.
func (s *Users) Session(ctx context.Context, token string, seen bool) (wxcast.User, wxcast.UserSession, bool, error) {
	if token == "" || len(token) > secretMost {
		return wxcast.User{}, wxcast.UserSession{}, false, nil
	}
	return s.Store.UserSession(ctx, token, s.SessionIdle, seen)
}

// Invited finds whom a one-time link is for.
func (s *Users) Invited(ctx context.Context, link, address string) (u wxcast.User, found bool, why SignInRefusal,
	err error) {
	if !s.MayTry(address) {
		return u, false, TooOften, nil
	}
	if len(link) > secretMost {
		return u, false, WrongUser, nil
	}
	u, found, err = s.Store.UserByLink(ctx, link)
	return u, found, SignedIn, err
}

// Choose gives the user of a one-time link a password and, where they have shown a code of
// it, a second factor, and lets them in. The link is good no more.
func (s *Users) Choose(ctx context.Context, u wxcast.User, link, totpSecret string, p Proof) (token string, used bool,
	err error) {
	if err := CheckPassword(p.Password, u.Name); err != nil {
		return "", false, err
	}
	var step int64
	if totpSecret != "" {
		var ok bool
		if step, ok = totpStep(p.Code, totpSecret, s.Store.Now()); !ok {
			return "", false, badCode()
		}
	}
	hash, err := HashPassword(ctx, p.Password)
	if err != nil {
		return "", false, err
	}
	if used, err = s.Store.UseLink(ctx, u, link, hash, totpSecret, step); err != nil || !used {
		return "", used, err
	}
	token, err = s.begin(ctx, u, p)
	return token, true, err
}

func badCode() error {
	return &wxcast.BadInput{Key: "code", Problem: wxcast.Say("user.wrong_code"), Want: wxcast.Say("user.want_code")}
}

// prove holds a user who is signed in against their password: an open desk is not enough to
// change how they prove who they are.
func (s *Users) prove(ctx context.Context, u wxcast.User, password string) error {
	_, c, _, err := s.Store.User(ctx, u.Name)
	if err != nil {
		return err
	}
	why, err := s.count(ctx, u, c)
	if err != nil {
		return err
	}
	right := why == SignedIn
	if right {
		if right, err = rightPassword(ctx, password, c.PasswordHash); err != nil {
			return err
		}
	}
	if !right {
		return &wxcast.BadInput{Key: "old_password", Problem: wxcast.Say("user.wrong_password"),
			Want: wxcast.Say("user.want_old_password")}
	}
	return s.Store.TriedWell(ctx, u.ID)
}

// ChangePassword gives a user who is signed in with a token another password; their other
// sessions end.
func (s *Users) ChangePassword(ctx context.Context, u wxcast.User, old, password, token string) error {
	if err := s.prove(ctx, u, old); err != nil {
		return err
	}
	if err := CheckPassword(password, u.Name); err != nil {
		return err
	}
	hash, err := HashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.Store.SetPassword(ctx, u.ID, hash, token)
}

// SetTOTP gives a user who is signed in with a token a second factor, of which they show a
// code; their other sessions end.
func (s *Users) SetTOTP(ctx context.Context, u wxcast.User, password, secret, code, token string) error {
	if err := s.prove(ctx, u, password); err != nil {
		return err
	}
	step, ok := totpStep(code, secret, s.Store.Now())
	if !ok {
		return badCode()
	}
	return s.Store.SetTOTP(ctx, u, secret, step, token)
}
