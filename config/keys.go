package config

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/internal/value"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// Key is one setting outside the accounts: its name in the file, its default,
// and what it is for. Its environment variable is Env.
type Key struct {
	Name    string
	Default string
	Doc     string
	set     func(c *Config, value string) error
}

// Env is the key's environment variable, such as WXCAST_SYNC_RATE for sync.rate.
func (k Key) Env() string {
	return "WXCAST_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Keys are all settings outside the accounts, in the order of the documentation.
var Keys = []Key{
	{"database.url", "sqlite://wxcast.db", "where the data is kept: `sqlite://FILE` or `postgres://…`",
		func(c *Config, v string) error {
			if !strings.HasPrefix(v, "sqlite://") && !strings.HasPrefix(v, "postgres://") &&
				!strings.HasPrefix(v, "postgresql://") {
				return wrong("config.no_database", "config.want_database")
			}
			c.DatabaseURL = v
			return nil
		}},
	{"database.auto_migrate", "true",
		"let any command bring an older schema up to date; with `false` only `wxcast migrate` does",
		func(c *Config, v string) (err error) { c.AutoMigrate, err = parseBool(v); return err }},
	{"store.key_file", "",
		"file of the data keys that seal access tokens in the store and key the audit log, a key in each line; see security.md",
		func(c *Config, v string) error { c.StoreKeyFile = v; return nil }},
	{"webhooks.allow_private", "false",
		"`true` lets webhooks go to addresses that are not of the internet, over http, and through a proxy",
		func(c *Config, v string) (err error) { c.Webhooks.AllowPrivate, err = parseBool(v); return err }},
	{"audit.file", "", "file to which each entry of the audit log is added as a line of JSON, for a SIEM",
		func(c *Config, v string) error { c.Audit.File = v; return nil }},
	{"audit.syslog", "", "where each entry is sent, too: `udp://HOST:514`, `tcp://HOST:601` or `unix:///dev/log`",
		func(c *Config, v string) error {
			u, err := url.Parse(v)
			network := err == nil && (u.Scheme == "udp" || u.Scheme == "tcp") && u.Port() != "" && u.Path == ""
			local := err == nil && u.Scheme == "unix" && u.Host == "" && u.Path != ""
			if v != "" && !network && !local {
				return wrong("config.no_syslog", "config.want_syslog")
			}
			c.Audit.Syslog = v
			return nil
		}},
	{"api_base", "https://api.weixin.qq.com,https://api2.weixin.qq.com",
		"WeChat's API hosts, in the order they are tried",
		func(c *Config, v string) (err error) { c.APIBases, err = parseBases(v); return err }},
	{"api_timeout", "10s", "time for one call to WeChat; one that carries a picture has a second more for each 128 KiB",
		func(c *Config, v string) (err error) {
			c.APITimeout, err = parseDuration(v, time.Second, time.Minute)
			return err
		}},
	{"log.level", "info", "`debug`, `info`, `warn` or `error`",
		func(c *Config, v string) error {
			if c.LogLevel.UnmarshalText([]byte(v)) != nil {
				return wrong("config.no_level", "config.want_level")
			}
			return nil
		}},
	{"log.format", "text", "`text` or `json`",
		func(c *Config, v string) error {
			if v != "text" && v != "json" {
				return wrong("config.no_format", "config.want_format")
			}
			c.LogFormat = v
			return nil
		}},
	{"sync.concurrency", "4", "batchget calls at a time",
		func(c *Config, v string) (err error) { c.Sync.Concurrency, err = parseInt(v, 1, 256); return err }},
	{"sync.rate", "100", "calls per second while syncing",
		func(c *Config, v string) (err error) {
			c.Sync.Rate, err = parseFloat(v, value.RateMin, value.RateMax)
			return err
		}},
	{"sync.max_unfollow_share", "0.2",
		"share of the followers that one sync, and of the mini users that one import --replace, may remove (`0.2` or `20%`)",
		func(c *Config, v string) (err error) { c.Sync.MaxUnfollowShare, err = parseShare(v); return err }},
	{"sync.resume_within", "12h", "an unfinished sync older than this starts anew",
		func(c *Config, v string) (err error) {
			c.Sync.ResumeWithin, err = parseDuration(v, time.Minute, 7*24*time.Hour)
			return err
		}},
	{"broadcast.rate", "50", "messages per second of an account, where the spec does not say",
		func(c *Config, v string) (err error) {
			c.Broadcast.Rate, err = parseFloat(v, value.RateMin, value.RateMax)
			return err
		}},
	{"broadcast.concurrency", "100", "messages in flight of one process",
		func(c *Config, v string) (err error) { c.Broadcast.Concurrency, err = parseInt(v, 1, 2000); return err }},
	{"broadcast.quota_keep", "0", "messages a day to leave to your other systems",
		func(c *Config, v string) error {
			n, err := parseInt(v, 0, 1<<31-1)
			c.Broadcast.QuotaKeep = int64(n)
			return err
		}},
	{"quota.reserve_messages", "0", "messages a day that broadcasts leave to single messages",
		func(c *Config, v string) error {
			n, err := parseInt(v, 0, 1<<31-1)
			c.ReserveMessages = int64(n)
			return err
		}},
	{"broadcast.confirm_above", "1000", "recipients above which `broadcast run` asks for a yes on a terminal",
		func(c *Config, v string) error {
			n, err := parseInt(v, 0, 1<<31-1)
			c.Broadcast.ConfirmAbove = int64(n)
			return err
		}},
	{"broadcast.max_failures", "50", "refusals in a row that pause a broadcast",
		func(c *Config, v string) (err error) {
			c.Broadcast.MaxFailures, err = parseInt(v, 1, 1_000_000)
			return err
		}},
	{"broadcast.max_failed_share", "0.5",
		"refused share of the last 200 messages above which a broadcast pauses (`0.5` or `50%`)",
		func(c *Config, v string) (err error) { c.Broadcast.MaxFailedShare, err = parseShare(v); return err }},
	{"broadcast.max_refused_share", "0.3",
		"share of the last 200 messages refused for want of a consent or a window that our ledger has, above which " +
			"a channel pauses and nobody's consents are taken for used up (`0.3` or `30%`)",
		func(c *Config, v string) (err error) { c.Broadcast.MaxRefusedShare, err = parseShare(v); return err }},
	{"broadcast.quiet_hours", "", "Beijing hours in which no message leaves, such as `22:00-08:00`",
		func(c *Config, v string) (err error) { c.Broadcast.QuietHours, err = parseHours(v); return err }},
	{"broadcast.cap_day", "0", "messages that one person may get in 24 hours, of all broadcasts; 0 is no cap",
		func(c *Config, v string) (err error) { c.Broadcast.CapDay, err = parseInt(v, 0, 1000); return err }},
	{"broadcast.cap_week", "0", "messages that one person may get in 7 days, of all broadcasts; 0 is no cap",
		func(c *Config, v string) (err error) { c.Broadcast.CapWeek, err = parseInt(v, 0, 1000); return err }},
	{"serve.listen", "127.0.0.1:8080", "where `wxcast serve` listens",
		func(c *Config, v string) error {
			if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
				return wrong("config.no_address", "config.want_address")
			}
			c.Serve.Listen = v
			return nil
		}},
	{"serve.tls.cert_file", "", "certificate with which `wxcast serve` speaks HTTPS itself (PEM); read anew when it is renewed",
		func(c *Config, v string) error { c.Serve.TLS.CertFile = v; return nil }},
	{"serve.tls.key_file", "", "its key (PEM)",
		func(c *Config, v string) error { c.Serve.TLS.KeyFile = v; return nil }},
	{"serve.key_days", "0", "days after which a key of the HTTP API expires that was made without `--days`; 0 for never",
		func(c *Config, v string) (err error) { c.Serve.KeyDays, err = parseInt(v, 0, 3650); return err }},
	{"serve.sync_at", "0 3 * * *", "when to sync and join: a cron expression in Beijing time, or `off`",
		func(c *Config, v string) (err error) { c.Serve.SyncAt, err = parseCron(v); return err }},
	{"serve.report_at", "0 9 * * *", "when to report the day before: a cron expression in Beijing time, or `off`",
		func(c *Config, v string) (err error) { c.Serve.ReportAt, err = parseCron(v); return err }},
	{"serve.quota_at", "*/10 * * * *",
		"when to ask WeChat for the quota of template messages: a cron expression in Beijing time, or `off`",
		func(c *Config, v string) (err error) { c.Serve.QuotaAt, err = parseCron(v); return err }},
	{"serve.quota_low", "0.1",
		"share of the day's quota of template messages below which people are told (`0.1` or `10%`)",
		func(c *Config, v string) (err error) { c.Serve.QuotaLow, err = parseShare(v); return err }},
	{"serve.housekeeping_at", "30 4 * * *",
		"when to remove what nobody needs any more: a cron expression in Beijing time, or `off`",
		func(c *Config, v string) (err error) { c.Serve.HousekeepingAt, err = parseCron(v); return err }},
	{"serve.session_key", "",
		"signs the sessions that `POST /login` answers with (HS256); 32 characters or more; empty for no logins",
		func(c *Config, v string) error { c.Serve.SessionKey = Secret(v); return nil }},
	{"serve.session_key_old", "", "the session key before, whose sessions are good still while they last",
		func(c *Config, v string) error { c.Serve.SessionKeyOld = Secret(v); return nil }},
	{"serve.forwarded_for", "false",
		"your proxy ends X-Forwarded-For with the sender's address: logins, and API calls without a good key, are limited by it",
		func(c *Config, v string) (err error) { c.Serve.ForwardedFor, err = parseBool(v); return err }},
	{"serve.callback_mode", "safe",
		"`safe` takes only sealed callbacks where an account has an EncodingAESKey; `compatible` takes plain ones, too",
		func(c *Config, v string) error {
			if v != "safe" && v != "compatible" {
				return wrong("config.no_callback_mode", "config.want_callback_mode")
			}
			c.Serve.CallbackMode = v
			return nil
		}},
	{"serve.stop_words", "退订,TD,T", "messages to the account that put their sender on the opt-out list, in any case",
		func(c *Config, v string) error {
			c.Serve.StopWords = nil
			for word := range strings.SplitSeq(v, ",") {
				if word = strings.TrimSpace(word); word != "" {
					c.Serve.StopWords = append(c.Serve.StopWords, word)
				}
			}
			return nil
		}},
	{"serve.stop_reply", "已退订，您将不再收到群发通知。", "what such a sender is told; empty for nothing",
		func(c *Config, v string) error { c.Serve.StopReply = v; return nil }},
	{"console.url", "",
		"where browsers reach the console, such as `https://ops.example.com/wxcast`; empty for where `wxcast serve` listens",
		func(c *Config, v string) error {
			u, err := url.Parse(v)
			if v != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" ||
				u.Fragment != "" || u.User != nil) {
				return wrong("config.no_console_url", "config.want_console_url")
			}
			c.Console.URL = strings.TrimRight(v, "/")
			return nil
		}},
	{"console.require_totp", "false", "`true` lets only users in who have a second factor (TOTP)",
		func(c *Config, v string) (err error) { c.Console.RequireTOTP, err = parseBool(v); return err }},
	{"console.parted_duties", "false",
		"`true` lets admins look after users and keys alone: they neither send nor see the audit log",
		func(c *Config, v string) (err error) { c.Console.PartedDuties, err = parseBool(v); return err }},
	{"console.session_for", "12h", "how long a user stays signed in",
		func(c *Config, v string) (err error) {
			c.Console.SessionFor, err = parseDuration(v, time.Minute, 30*24*time.Hour)
			return err
		}},
	{"console.session_idle", "4h", "how long a user stays signed in who does nothing",
		func(c *Config, v string) (err error) {
			c.Console.SessionIdle, err = parseDuration(v, time.Minute, 30*24*time.Hour)
			return err
		}},
	{"console.sso.provider", "",
		"the company's own sign-in, by which users come in, too: `oidc` (any OpenID Connect issuer), `wecom` (企业微信) or `feishu` (飞书)",
		func(c *Config, v string) error {
			if v != "" && !slices.Contains([]string{ProviderOIDC, ProviderWeCom, ProviderFeishu}, v) {
				return wrong("config.no_provider", "config.want_provider")
			}
			c.Console.SSO.Provider = v
			return nil
		}},
	{"console.sso.url", "", "the issuer's URL; of `wecom` and `feishu` only where yours is not at the public address",
		func(c *Config, v string) error {
			u, err := url.Parse(v)
			if v != "" && (err != nil || u.Scheme != "https" && (u.Scheme != "http" || !value.OnThisMachine(u.Hostname())) ||
				u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
				return wrong("config.no_issuer", "config.want_issuer")
			}
			c.Console.SSO.URL = v
			return nil
		}},
	{"console.sso.client_id", "", "wxcast's client id at the issuer; the corpid of `wecom`, the App ID of `feishu`",
		func(c *Config, v string) error { c.Console.SSO.ClientID = v; return nil }},
	{"console.sso.client_secret", "", "its secret",
		func(c *Config, v string) error { c.Console.SSO.ClientSecret = Secret(v); return nil }},
	{"console.sso.agent_id", "", "of `wecom`: the AgentId of your application",
		func(c *Config, v string) error {
			if strings.Trim(v, "0123456789") != "" {
				return wrong("config.no_agent_id", "config.want_agent_id")
			}
			c.Console.SSO.AgentID = v
			return nil
		}},
	{"console.sso.name_claim", "preferred_username", "of `oidc`: claim that is the user's name, such as `email`",
		func(c *Config, v string) error { c.Console.SSO.NameClaim = v; return nil }},
	{"console.sso.groups_claim", "groups", "of `oidc`: claim with the user's groups",
		func(c *Config, v string) error { c.Console.SSO.GroupsClaim = v; return nil }},
	{"console.sso.roles", "", "roles of groups, such as `wxcast-admins=admin,shop-ops=operator@shop`; who is in none may not come in",
		func(c *Config, v string) error {
			c.Console.SSO.Roles = map[string][]string{}
			for pair := range strings.SplitSeq(v, ",") {
				if pair = strings.TrimSpace(pair); pair == "" {
					continue
				}
				i := strings.LastIndexByte(pair, '=')
				if i <= 0 {
					return wrong("config.no_group_roles", "config.want_group_roles")
				}
				role, _, _ := strings.Cut(pair[i+1:], "@")
				if _, ok := wxcast.ParseRole(role); !ok {
					return wrong("config.no_group_roles", "config.want_group_roles")
				}
				c.Console.SSO.Roles[pair[:i]] = append(c.Console.SSO.Roles[pair[:i]], pair[i+1:])
			}
			return nil
		}},
	{"console.sso.people", "", "groups whose users may see persons, parted by commas",
		func(c *Config, v string) error { c.Console.SSO.People = texts(v); return nil }},
	{"console.approve_above", "off",
		"recipients above which a user's broadcast begins only when another user has approved it, such as `0` or `10000`, or `off`",
		func(c *Config, v string) error {
			if v == "off" {
				c.Console.ApproveAbove = -1
				return nil
			}
			n, err := parseInt(v, 0, 1<<31-1)
			c.Console.ApproveAbove = int64(n)
			return err
		}},
	{"console.approval_for", "24h", "how long an approval can be given, and is good",
		func(c *Config, v string) (err error) {
			c.Console.ApprovalFor, err = parseDuration(v, time.Minute, 30*24*time.Hour)
			return err
		}},
	{"retention.deliveries", "400d", "how long to keep what each person got, from the end of the broadcast; the counts stay: days such as `400d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.Deliveries, err = parseAge(v, 8); return err }},
	{"retention.events", "7d", "how long to keep WeChat's callbacks, once applied, and what happened, for other systems: days such as `7d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.Events, err = parseAge(v, 1); return err }},
	{"retention.subscribe_events", "30d", "how long to keep callbacks that tell what people allowed (`subscribe_msg_*`): days such as `30d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.SubscribeEvents, err = parseAge(v, 1); return err }},
	{"retention.lists", "7d", "how long to keep rows of list files, from when they were read: days such as `7d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.Lists, err = parseAge(v, 1); return err }},
	{"retention.followers_gone", "400d", "how long to keep people who unfollowed, with their bridges; opt-outs stay: days such as `400d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.FollowersGone, err = parseAge(v, 1); return err }},
	{"permits.max_age", "forever",
		"how long a consent to subscribe messages counts: days such as `90d`, or `forever`, as with WeChat",
		func(c *Config, v string) (err error) { c.Retention.Permits, err = parseAge(v, 1); return err }},
	{"retention.audit", "400d", "how long to keep the audit log: days such as `400d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.Audit, err = parseAge(v, 30); return err }},
	{"retention.job_runs", "400d", "how long to keep runs of jobs and of syncs: days such as `400d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.JobRuns, err = parseAge(v, 1); return err }},
	{"retention.notices", "400d", "how long to keep daily reports, and alerts that are over: days such as `400d`, or `forever`",
		func(c *Config, v string) (err error) { c.Retention.Notices, err = parseAge(v, 1); return err }},
}

// wrong is a mistake in a key's value; Load adds which key and what value.
func wrong(problem, want string) error {
	return &Error{Problem: wxcast.Say(problem), Want: wxcast.Say(want)}
}

// parseCron checks a cron expression.
func parseCron(v string) (string, error) {
	if v == "off" {
		return v, nil
	}
	var why *wxcast.SaidError
	if _, err := value.Cron(v); errors.As(err, &why) {
		return "", &Error{Problem: why.Sentence(), Want: wxcast.Say("config.want_cron")}
	}
	return v, nil
}

func parseBool(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, wrong("config.no_bool", "config.want_bool")
	}
	return b, nil
}

func parseInt(v string, low, high int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return 0, &Error{Problem: wxcast.Say("config.no_whole", "low", low, "high", high)}
	}
	return n, nil
}

func parseFloat(v string, low, high float64) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= low && f <= high) {
		return 0, &Error{Problem: wxcast.Say("config.no_number", "low", low, "high", high)}
	}
	return f, nil
}

func parseShare(v string) (float64, error) {
	f, ok := value.Share(v)
	if !ok {
		return 0, wrong("config.no_share", "config.want_share")
	}
	return f, nil
}

func parseHours(v string) (string, error) {
	if _, ok := value.ParseQuietHours(v); !ok && v != "" {
		return "", wrong("config.no_hours", "config.want_hours")
	}
	return v, nil
}

func parseDuration(v string, low, high time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < low || d > high {
		return 0, &Error{Problem: wxcast.Say("config.no_duration", "low", low.String(), "high", high.String()),
			Want: wxcast.Say("config.want_duration")}
	}
	return d, nil
}

// parseAge reads how long something is kept: whole days such as 400d, or "forever", which is 0.
func parseAge(v string, low int) (time.Duration, error) {
	if v == "forever" {
		return 0, nil
	}
	text, ok := strings.CutSuffix(v, "d")
	days, err := strconv.Atoi(text)
	if !ok || err != nil || days < low || days > 100*365 {
		return 0, &Error{Problem: wxcast.Say("config.no_age", "low", low), Want: wxcast.Say("config.want_age")}
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func parseBases(v string) ([]string, error) {
	var bases []string
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimRight(strings.TrimSpace(part), "/")
		u, err := url.Parse(part)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			return nil, &Error{Problem: wxcast.Say("config.no_base", "part", shown("", part)),
				Want: wxcast.Say("config.want_base")}
		}
		bases = append(bases, part)
	}
	return bases, nil
}
