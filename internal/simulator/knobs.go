package simulator

import "time"

// Knobs change how the simulator behaves; those that WeChat leaves open have its
// most likely answer as default. They can be turned while it runs.
type Knobs struct {
	Latency  Duration `json:"latency"`   // before each answer
	Jitter   Duration `json:"jitter"`    // up to so much more
	SlowBody Duration `json:"slow_body"` // between the two halves of each answer

	// Shares of the calls, from 0 to 1, that go wrong.
	Busy       float64 `json:"busy"`        // errcode -1, nothing done
	BadGateway float64 `json:"bad_gateway"` // status 502, nothing done
	DropBefore float64 `json:"drop_before"` // connection cut, nothing done
	DropAfter  float64 `json:"drop_after"`  // connection cut after the effect
	BrokenJSON float64 `json:"broken_json"` // an answer cut in the middle, after the effect
	// FaultsOnly, if any, are the API paths that these shares are about.
	FaultsOnly []string `json:"faults_only"`

	// RawRemarks are remarks of followers, by openid, as they stand between the quotes in JSON:
	// what people typed, and what is no JSON at all.
	RawRemarks map[string]string `json:"raw_remarks"`

	// What people have set up in the console: rules that answer keywords, and buttons of a menu.
	KeywordReplies int `json:"keyword_replies"`
	MenuButtons    int `json:"menu_buttons"`

	// MaxRate answers sends above so many a second, of one API, with MaxRateCode, 45011 or
	// -1; 0 is no limit.
	MaxRate     int `json:"max_rate"`
	MaxRateCode int `json:"max_rate_code"`
	// TokenLife is how long an access token lives, and TokenOverlap how long a
	// replaced one works on.
	TokenLife    Duration `json:"token_life"`
	TokenOverlap Duration `json:"token_overlap"`
	// KillTokenEvery lets the token die, as if a stranger had refreshed it.
	KillTokenEvery Duration `json:"kill_token_every"`
	// DailyLimits overrides the quota of an API path.
	DailyLimits map[string]int64 `json:"daily_limits"`
	// ResetHour is when a Beijing day's quota begins; 0 is midnight.
	ResetHour int `json:"reset_hour"`
	// RefusedAreFree: calls that are refused or deduplicated use no quota.
	RefusedAreFree bool `json:"refused_are_free"`
	// Early45009 answers sends beyond so many a day with 45009 though quota is left.
	Early45009 int64 `json:"early_45009"`
	// BatchCost is the quota that one batchget uses: "call" or "openid".
	BatchCost string `json:"batch_cost"`
	// IPWhitelist, if any, lists who may call for the official account, and fetch the mini
	// program's tokens: addresses and networks. Others get 40164.
	IPWhitelist []string `json:"ip_whitelist"`
	// RefuseIP answers all such calls with 40164.
	RefuseIP bool `json:"refuse_ip"`
	// RefuseSend answers every template message with this errcode; 0 is off.
	RefuseSend int `json:"refuse_send"`
	// RefuseAPI answers every call to an API path with an errcode, once its token is good.
	RefuseAPI map[string]int `json:"refuse_api"`

	// PageSize is the length of a follower page; 10,000 is WeChat's.
	PageSize int `json:"page_size"`
	// EmptyLastCursor ends the follower list with an empty next_openid; by default
	// the last page names its last openid and the page behind it has no data.
	EmptyLastCursor bool `json:"empty_last_cursor"`
	// RefuseGoneCursor answers 40003 to a cursor that has unfollowed; by default the
	// list goes on behind it.
	RefuseGoneCursor bool `json:"refuse_gone_cursor"`
	// ShiftUnionIDs answers a batch that holds an openid of nobody with 200 and the
	// unionids behind it moved by one; by default it is 40003.
	ShiftUnionIDs bool `json:"shift_unionids"`

	// RepeatAnswer is what a known client_msg_id gets: "same" (the msgid of the
	// first, and nothing is shown), "40241", or "new" (another msgid).
	RepeatAnswer string `json:"repeat_answer"`
	// ClientMsgIDMax is the longest client_msg_id that is taken.
	ClientMsgIDMax int `json:"client_msg_id_max"`
	// DuplicateFilter answers the same template and data to the same person within
	// this time with 40241; negative is off. WeChat says 60 seconds and not what it
	// counts.
	DuplicateFilter Duration `json:"duplicate_filter"`
	// PersonLimit answers more messages than this to one person a day with 43117, and
	// PersonFreqLimit accepts them with the receipt "failed:freq limit"; 0 is off.
	PersonLimit     int `json:"person_limit"`
	PersonFreqLimit int `json:"person_freq_limit"`
	// Held is the share of sends that answer 40252; half of them pass within
	// ReceiptDelay, with a receipt of an unknown MsgID.
	Held float64 `json:"held"`
	// StrictMiniProgram answers an empty miniprogram object with 40013; by default it
	// counts as absent.
	StrictMiniProgram bool `json:"strict_miniprogram"`
	// ReleasedPages, if any, are the pages that exist; others get 40165.
	ReleasedPages []string `json:"released_pages"`

	// RefusePermits is the share of subscribe messages and notices that answer 43101 although
	// there is a permit, which stays: as a storm of refusals was seen in a bulk run.
	RefusePermits float64 `json:"refuse_permits"`

	// MessageWindow is how long a person may get customer-service messages after they wrote,
	// and MessageWindowCount how many; TapWindow and TapWindowCount are the same after a tap in
	// the menu, a follow or a scan. Source: service/guide/product/kf/intro.
	MessageWindow      Duration `json:"message_window"`
	MessageWindowCount int      `json:"message_window_count"`
	TapWindow          Duration `json:"tap_window"`
	TapWindowCount     int      `json:"tap_window_count"`
	// KeepWindowCount: another message of the person prolongs an open window and gives no new
	// count; by default it begins anew.
	KeepWindowCount bool `json:"keep_window_count"`
	// BusyCard is the share of good cards that answer -1; BusyCardSent shows them all the same.
	BusyCard     float64 `json:"busy_card"`
	BusyCardSent bool    `json:"busy_card_sent"`

	// Shares of accepted messages whose receipt says that they were not delivered.
	UserBlock    float64 `json:"user_block"`
	SystemFailed float64 `json:"system_failed"`
	// ReceiptDelay is the longest time until a receipt; ReceiptFirst sends it before
	// the answer to the send.
	ReceiptDelay Duration `json:"receipt_delay"`
	ReceiptFirst bool     `json:"receipt_first"`
	// ReceiptWithoutMsgID sends receipts with MsgID 0 for messages that had a client_msg_id,
	// as one field report has it.
	ReceiptWithoutMsgID bool `json:"receipt_without_msgid"`
	// NoSentEvents tells nothing of accepted subscribe messages; SentFailed is the share of
	// them whose event says that they were not delivered.
	NoSentEvents bool    `json:"no_sent_events"`
	SentFailed   float64 `json:"sent_failed"`
	// CallbackURL is where events go; "" sends none.
	CallbackURL string `json:"callback_url"`
	// MiniCallbackURL is where the mini program's events go; "" sends them to CallbackURL.
	MiniCallbackURL string `json:"mini_callback_url"`
	// CallbackMode is "plain", "compatible" or "safe"; CallbackFormat "xml" or "json".
	CallbackMode   string `json:"callback_mode"`
	CallbackFormat string `json:"callback_format"`
	// CallbackTries is how often an event is delivered until it is answered in
	// CallbackTimeout.
	CallbackTries   int      `json:"callback_tries"`
	CallbackTimeout Duration `json:"callback_timeout"`
}

func (k Knobs) withDefaults() Knobs {
	setDuration := func(d *Duration, to time.Duration) {
		if *d == 0 {
			*d = Duration(to)
		}
	}
	setInt := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	setText := func(s *string, to string) {
		if *s == "" {
			*s = to
		}
	}
	setDuration(&k.TokenLife, 7200*time.Second)
	setDuration(&k.TokenOverlap, 5*time.Minute)
	setDuration(&k.DuplicateFilter, time.Minute)
	setDuration(&k.ReceiptDelay, 30*time.Second)
	setDuration(&k.CallbackTimeout, 5*time.Second)
	setDuration(&k.MessageWindow, 48*time.Hour)
	setDuration(&k.TapWindow, time.Minute)
	setInt(&k.MessageWindowCount, 5)
	setInt(&k.TapWindowCount, 3)
	setInt(&k.PageSize, 10_000)
	setInt(&k.MaxRateCode, 45011)
	setInt(&k.ClientMsgIDMax, 64)
	setInt(&k.CallbackTries, 4)
	setText(&k.BatchCost, "call")
	setText(&k.RepeatAnswer, "same")
	setText(&k.CallbackMode, "plain")
	setText(&k.CallbackFormat, "xml")
	return k
}

// Duration is a time.Duration that stands in JSON as text, such as "20ms".
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
