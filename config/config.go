// Package config is the one typed configuration: defaults < YAML file <
// environment < flags, read once and passed down. It knows no other part of the
// program.
package config

import (
	"context"
	"database/sql/driver"
	"log/slog"
	"net"
	"time"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Config is everything that can be configured, checked.
type Config struct {
	// File is the YAML file that was read; "" when there was none.
	File        string
	DatabaseURL string
	// AutoMigrate lets every command bring an older schema up to date.
	AutoMigrate bool
	// APIBases are WeChat's hosts in the order they are tried, such as
	// "https://api.weixin.qq.com".
	APIBases   []string
	APITimeout time.Duration // for one call, connecting included
	LogLevel   slog.Level
	LogFormat  string // "text" or "json"
	Accounts   []Account
	Sync       Sync
	Broadcast  Broadcast
	// ReserveMessages are messages a day that broadcasts leave to single messages.
	ReserveMessages int64
	Serve           Serve
	Retention       wxcast.Retention
	// StoreKeyFile names the file of the data keys that seal what is secret in the store; ""
	// for none.
	StoreKeyFile string
	Audit        Audit
	Notify       []Robot
	Webhooks     Webhooks
	Console      Console
	// Machine is what the process runs on; no file tells of it.
	Machine Machine
}

// Machine is the network and the disk that a process sees. The zero one is the real machine; a
// test that watches or breaks what passes between gives another.
type Machine struct {
	// Dial opens connections to WeChat.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Listen opens the address of wxcast serve.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// Store stands between the store and its database's driver.
	Store func(driver.Connector) driver.Connector
}

// Account is one official account with its mini programs.
type Account struct {
	Name           string
	AppID          string
	Secret         Secret
	Token          Secret // of the callback URL
	EncodingAESKey Secret
	// OldEncodingAESKey is the one before: WeChat seals with it for a while after a change.
	OldEncodingAESKey Secret
	AccessToken       AccessToken
	OnlySender        bool // no other system sends messages of this account
	Relay             Relay
	MiniPrograms      []MiniProgram
}

// AccessToken says where an account's access token comes from. At most one of URL
// and Command is set; then WeChat is not asked.
type AccessToken struct {
	API     string // "stable_token" or "token", of WeChat
	URL     Secret // of the company's own service; may hold a key
	Command string // whose output is the token
}

// MiniProgram is one mini program that the account's messages may open.
type MiniProgram struct {
	AppID  string
	Secret Secret
	// Token and the EncodingAESKeys are those of its own callbacks (消息推送).
	Token             Secret
	EncodingAESKey    Secret
	OldEncodingAESKey Secret
	Relay             Relay
}

// TLS are the files of the program's own certificate; "" where it speaks plain HTTP.
type TLS struct{ CertFile, KeyFile string }

// Audit is where the audit log is kept besides the store.
type Audit struct {
	File   string // JSON lines are added to it; "" for none
	Syslog string // udp://HOST:514, tcp://HOST:601 or unix:///dev/log; "" for none
}

// Sync is how followers are fetched.
type Sync struct {
	Concurrency      int           // batchget calls at a time
	Rate             float64       // calls per second
	MaxUnfollowShare float64       // 0 to 1
	ResumeWithin     time.Duration // an unfinished listing older than this is begun anew
}

// Broadcast is how messages are sent, where the spec does not say.
type Broadcast struct {
	Rate         float64 // messages per second of an account, all workers together
	Concurrency  int     // calls in flight of one process
	QuotaKeep    int64   // messages a day left to the company's other systems
	ConfirmAbove int64   // recipients above which "run" asks on a terminal
	MaxFailures  int     // refusals in a row that pause the broadcast
	// MaxFailedShare of the last 200 messages refused pauses it, too.
	MaxFailedShare float64
	// MaxRefusedShare of them refused for want of a right that our ledger has pauses the channel.
	MaxRefusedShare float64
	QuietHours      string // Beijing time, such as "22:00-08:00"; "" for none
	CapDay          int    // messages to one person in 24 hours; 0 for no cap
	CapWeek         int    // and in 7 days
}

// Serve is what "wxcast serve" does, and when.
type Serve struct {
	Listen string // host:port
	// Cron expressions in Beijing time, or "off".
	SyncAt, ReportAt, QuotaAt, HousekeepingAt string
	QuotaLow                                  float64  // share of a day's quota below which people are told
	SessionKey                                Secret   // signs the sessions of logins; "" for no logins
	SessionKeyOld                             Secret   // the one before
	ForwardedFor                              bool     // a proxy of ours ends X-Forwarded-For with the sender's address
	StopWords                                 []string // messages that put their sender on the opt-out list
	StopReply                                 string   // what the sender is told
	TLS                                       TLS
	KeyDays                                   int    // life of an API key that says none; 0 for no end
	CallbackMode                              string // "safe", or "compatible" for plain callbacks beside a key
}

// Console is how the company's people use the console.
type Console struct {
	// URL is where their browsers reach it, such as https://ops.example.com/wxcast; "" where
	// wxcast serve listens. Its path stands before all of the console's own.
	URL string
	// ApproveAbove are the recipients above which a user's broadcast begins only when another
	// user has approved it; less than 0 is never.
	ApproveAbove int64
	ApprovalFor  time.Duration // after which an approval that was asked for, or given, lapses
	RequireTOTP  bool
	PartedDuties bool // admins look after users and keys alone
	SessionFor   time.Duration
	SessionIdle  time.Duration
	SSO          SSO
}

// The providers of a company's own sign-in.
const (
	ProviderOIDC   = "oidc"   // any issuer that speaks OpenID Connect
	ProviderWeCom  = "wecom"  // 企业微信
	ProviderFeishu = "feishu" // 飞书, or Lark
)

// SSO is the company's own sign-in.
type SSO struct {
	Provider string // one of those above; "" for none
	// URL is the issuer's; of 企业微信 and 飞书 where they are not reached at their public addresses:
	// "" for those.
	URL          string
	ClientID     string // of 企业微信 the corpid, of 飞书 the App ID
	ClientSecret Secret
	AgentID      string // of 企业微信's application
	NameClaim    string // of an issuer: whose value is the user's name
	GroupsClaim  string // of an issuer: whose values are groups
	// Roles are what each group may do, such as "operator" or "viewer@shop".
	Roles  map[string][]string
	People []string // the groups that may see persons
}

// Secret is text that is never printed. Reveal is the one door to it.
type Secret string

// Reveal returns the secret's text.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
