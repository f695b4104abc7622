package store

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sync"

	"github.com/knadh/goyesql/v2"
)

//go:embed queries
var queryFiles embed.FS

// queries holds the text of every named query for one engine. A missing one
// stops the program at Open; that every text is valid on its engine is tested.
type queries struct {
	AddEvents           string `query:"add-events"`
	AnyUnnumberedEvents string `query:"any-unnumbered-events"`
	LockEventEnd        string `query:"lock-event-end"`
	NumberEvents        string `query:"number-events"`
	SetEventEnd         string `query:"set-event-end"`
	EventEnds           string `query:"event-ends"`
	SeenEvents          string `query:"seen-events"`
	ListEvents          string `query:"list-events"`
	EventIDs            string `query:"event-ids"`
	LatestEvents        string `query:"latest-events"`
	NameMessages        string `query:"name-messages"`
	DropOldEvents       string `query:"drop-old-events"`
	ForgetInEvents      string `query:"forget-in-events"`

	AddTesters    string `query:"add-testers"`
	ListTesters   string `query:"list-testers"`
	FindTester    string `query:"find-tester"`
	RemoveTesters string `query:"remove-testers"`
	ForgetTester  string `query:"forget-tester"`

	AddRelays     string `query:"add-relays"`
	ListRelays    string `query:"list-relays"`
	DropRelays    string `query:"drop-relays"`
	PutOffRelays  string `query:"put-off-relays"`
	CountRelays   string `query:"count-relays"`
	DropOldRelays string `query:"drop-old-relays"`
	ForgetRelays  string `query:"forget-relays"`

	AddVisit               string `query:"add-visit"`
	CountVisits            string `query:"count-visits"`
	CountGoalsOfRecipients string `query:"count-goals-of-recipients"`
	DropOldVisits          string `query:"drop-old-visits"`
	DropOldGoals           string `query:"drop-old-goals"`
	ForgetVisits           string `query:"forget-visits"`
	ForgetGoals            string `query:"forget-goals"`
	AddGoals               string `query:"add-goals"`

	GetWebhook    string `query:"get-webhook"`
	AddWebhook    string `query:"add-webhook"`
	MoveWebhook   string `query:"move-webhook"`
	ResumeWebhook string `query:"resume-webhook"`

	AddUser             string `query:"add-user"`
	ListUsers           string `query:"list-users"`
	FindUser            string `query:"find-user"`
	FindUserByLink      string `query:"find-user-by-link"`
	FindUserBySubject   string `query:"find-user-by-subject"`
	AddFederatedUser    string `query:"add-federated-user"`
	AnyUsers            string `query:"any-users"`
	GrantUser           string `query:"grant-user"`
	DisableUser         string `query:"disable-user"`
	ResetUser           string `query:"reset-user"`
	UseLink             string `query:"use-link"`
	SetPassword         string `query:"set-password"`
	SetTOTP             string `query:"set-totp"`
	UseTOTPStep         string `query:"use-totp-step"`
	CountTry            string `query:"count-try"`
	TriedWell           string `query:"tried-well"`
	UserSeen            string `query:"user-seen"`
	AddUserSession      string `query:"add-user-session"`
	FindUserSession     string `query:"find-user-session"`
	UserSessionSeen     string `query:"user-session-seen"`
	ListUserSessions    string `query:"list-user-sessions"`
	EndUserSession      string `query:"end-user-session"`
	EndUserSessions     string `query:"end-user-sessions"`
	DropOldUserSessions string `query:"drop-old-user-sessions"`

	AuditOfTarget  string `query:"audit-of-target"`
	FindByRemark   string `query:"find-by-remark"`
	PageBroadcasts string `query:"page-broadcasts"`
	StandingAlerts string `query:"standing-alerts"`
	LastCallback   string `query:"last-callback"`
	LastJoin       string `query:"last-join"`
	PickDeliveries string `query:"pick-deliveries"`
	SkipDeliveries string `query:"skip-deliveries"`

	AddDraft          string `query:"add-draft"`
	ListDrafts        string `query:"list-drafts"`
	GetDraft          string `query:"get-draft"`
	ChangeDraft       string `query:"change-draft"`
	DropDraft         string `query:"drop-draft"`
	DropDraftFiles    string `query:"drop-draft-files"`
	PutDraftFile      string `query:"put-draft-file"`
	ListDraftFiles    string `query:"list-draft-files"`
	GetDraftFile      string `query:"get-draft-file"`
	DropOldDraftFiles string `query:"drop-old-draft-files"`
	LockMakers        string `query:"lock-makers"`
	SetMakers         string `query:"set-makers"`
	CountFixed        string `query:"count-fixed"`
	AllDraftFiles     string `query:"all-draft-files"`
	DropDraftFile     string `query:"drop-draft-file"`
	PutApprovalMakers string `query:"put-approval-makers"`
	AskApproval       string `query:"ask-approval"`
	DecideApproval    string `query:"decide-approval"`
	GetApproval       string `query:"get-approval"`
	WaitingApprovals  string `query:"waiting-approvals"`

	AddCommit        string `query:"add-commit"`
	UnionIDsOf       string `query:"unionids-of"`
	AddOptOutsBeside string `query:"add-optouts-beside"`
	NameOptOuts      string `query:"name-optouts"`
	AnyOptOuts       string `query:"any-optouts"`
	ForgottenAmong   string `query:"forgotten-among"`
	ForgetLeasedTo   string `query:"forget-leased-to"`
	ForgetFixedTo    string `query:"forget-fixed-to"`
	ForgetListRows   string `query:"forget-list-rows"`
	ForgetEarly      string `query:"forget-early"`
	ForgetPermits    string `query:"forget-permits"`
	ForgetWindows    string `query:"forget-windows"`
	ForgetMessages   string `query:"forget-messages"`
	ForgetOptOut     string `query:"forget-optout"`
	DropOptOut       string `query:"drop-optout"`
	FindOptOutsOf    string `query:"find-optouts-of"`
	FindListRows     string `query:"find-list-rows"`
	FindCallbacks    string `query:"find-callbacks"`
	FindBlocksOf     string `query:"find-blocks-of"`
	OtherAccounts    string `query:"other-accounts"`

	UnionIDsOfMiniUsers string `query:"unionids-of-mini-users"`

	TakePermits                string `query:"take-permits"`
	ReturnPermits              string `query:"return-permits"`
	ZeroPermits                string `query:"zero-permits"`
	TakeWindows                string `query:"take-windows"`
	ReturnWindows              string `query:"return-windows"`
	CloseWindowsOf             string `query:"close-windows-of"`
	OpenWindows                string `query:"open-windows"`
	HoldRights                 string `query:"hold-rights"`
	HandOver                   string `query:"hand-over"`
	FallThrough                string `query:"fall-through"`
	HeldRights                 string `query:"held-rights"`
	DropRights                 string `query:"drop-rights"`
	OpenIDsOfMiniUsers         string `query:"openids-of-mini-users"`
	GetBroadcastChannel        string `query:"get-broadcast-channel"`
	AddBroadcastFile           string `query:"add-broadcast-file"`
	GetBroadcastFile           string `query:"get-broadcast-file"`
	DropBroadcastFiles         string `query:"drop-broadcast-files"`
	DropClosedWindows          string `query:"drop-closed-windows"`
	SetPermitKind              string `query:"set-permit-kind"`
	IsFirstChannel             string `query:"is-first-channel"`
	HoldingChannels            string `query:"holding-channels"`
	FindWindows                string `query:"find-windows"`
	WorkElsewhere              string `query:"work-elsewhere"`
	StopChannel                string `query:"stop-channel"`
	WakeChannels               string `query:"wake-channels"`
	StoppedChannels            string `query:"stopped-channels"`
	ChannelsBehind             string `query:"channels-behind"`
	EndChannelAlerts           string `query:"end-channel-alerts"`
	RunningChannels            string `query:"running-channels"`
	DueDeliveriesOfMiniUsers   string `query:"due-deliveries-of-mini-users"`
	FreshDeliveriesOfMiniUsers string `query:"fresh-deliveries-of-mini-users"`
	FixPeople                  string `query:"fix-people"`
	CountMiniAudience          string `query:"count-mini-audience"`
	ListMiniUsers              string `query:"list-mini-users"`

	FindCommits    string `query:"find-commits"`
	LossBefore     string `query:"loss-before"`
	PauseAfterLoss string `query:"pause-after-loss"`
	PauseInBackup  string `query:"pause-in-backup"`

	AddApp      string `query:"add-app"`
	GetApp      string `query:"get-app"`
	GetAppID    string `query:"get-appid"`
	OwnApp      string `query:"own-app"`
	TakeOverApp string `query:"take-over-app"`
	IsAnothers  string `query:"is-anothers"`
	GetOwner    string `query:"get-owner"`

	GetToken string `query:"get-token"`
	PutToken string `query:"put-token"`

	AcquireLock string `query:"acquire-lock"`
	GetLock     string `query:"get-lock"`
	RenewLock   string `query:"renew-lock"`
	ReleaseLock string `query:"release-lock"`

	PutMiniUser string `query:"put-mini-user"`
	BridgeOne   string `query:"bridge-one"`
	IsBridged   string `query:"is-bridged"`

	FindJobRun            string `query:"find-job-run"`
	JobAtWork             string `query:"job-at-work"`
	EndInterruptedJobRuns string `query:"end-interrupted-job-runs"`
	AddJobRun             string `query:"add-job-run"`
	TakeOverJobRun        string `query:"take-over-job-run"`
	RenewJobRun           string `query:"renew-job-run"`
	FinishJobRun          string `query:"finish-job-run"`
	ListJobRuns           string `query:"list-job-runs"`

	RaiseNotice        string `query:"raise-notice"`
	EndNotice          string `query:"end-notice"`
	EndOldNotice       string `query:"end-old-notice"`
	EndBroadcastAlerts string `query:"end-broadcast-alerts"`
	AlertStands        string `query:"alert-stands"`
	DropUntold         string `query:"drop-untold"`
	PendingNotices     string `query:"pending-notices"`
	NoticeTold         string `query:"notice-told"`
	TellingEnd         string `query:"telling-end"`
	DropNotice         string `query:"drop-notice"`
	ReportDays         string `query:"report-days"`
	KeptReport         string `query:"kept-report"`

	AddAPIKey        string `query:"add-api-key"`
	FindAPIKey       string `query:"find-api-key"`
	ListAPIKeys      string `query:"list-api-keys"`
	CountGoodAPIKeys string `query:"count-good-api-keys"`
	APIKeyUsed       string `query:"api-key-used"`
	RevokeAPIKey     string `query:"revoke-api-key"`

	IsEncrypted  string `query:"is-encrypted"`
	LastAudit    string `query:"last-audit"`
	AddAudit     string `query:"add-audit"`
	WalkAudit    string `query:"walk-audit"`
	AuditSalt    string `query:"audit-salt"`
	SetAuditSalt string `query:"set-audit-salt"`
	ListAudit    string `query:"list-audit"`

	HearsReceipts string `query:"hears-receipts"`
	Doubts        string `query:"doubts"`
	UnheardDoubts string `query:"unheard-doubts"`
	DeferLikely   string `query:"defer-likely"`
	DeferYoung    string `query:"defer-young"`
	EarlyOf       string `query:"early-of"`
	DropUsedEarly string `query:"drop-used-early"`

	AddCallbacks         string `query:"add-callbacks"`
	PendingCallbacks     string `query:"pending-callbacks"`
	DeferCallbacks       string `query:"defer-callbacks"`
	SetCallbackAside     string `query:"set-callback-aside"`
	CountCallbacks       string `query:"count-callbacks"`
	MarkCallbacksApplied string `query:"mark-callbacks-applied"`
	ForgetCallbacks      string `query:"forget-callbacks"`

	DeliveryStates   string `query:"delivery-states"`
	FindComers       string `query:"find-comers"`
	AnyBaseRun       string `query:"any-base-run"`
	CountFollowers   string `query:"count-followers"`
	FollowerGrowth   string `query:"follower-growth"`
	UpsertFollowers  string `query:"upsert-followers"`
	Unfollow         string `query:"unfollow"`
	FollowerStates   string `query:"follower-states"`
	FlippedFollowers string `query:"flipped-followers"`
	FlippedPage      string `query:"flipped-page"`
	WithoutUnionID   string `query:"without-unionid"`
	BumpPeople       string `query:"bump-people"`

	ListFollowers     string `query:"list-followers"`
	FindFollowers     string `query:"find-followers"`
	FindMiniUsers     string `query:"find-mini-users"`
	FindDeliveries    string `query:"find-deliveries"`
	ListDeliveries    string `query:"list-deliveries"`
	ForgetFollower    string `query:"forget-follower"`
	ForgetBridges     string `query:"forget-bridges"`
	ForgetMiniUsers   string `query:"forget-mini-users"`
	ForgetMiniBridges string `query:"forget-mini-bridges"`
	ForgetDeliveries  string `query:"forget-deliveries"`
	ForgetListed      string `query:"forget-listed"`

	OpenSyncRun     string `query:"open-sync-run"`
	GetSyncRun      string `query:"get-sync-run"`
	AddSyncRun      string `query:"add-sync-run"`
	AbandonSyncRuns string `query:"abandon-sync-runs"`
	GetBaseRun      string `query:"get-base-run"`
	SetBaseRun      string `query:"set-base-run"`
	ListSyncRuns    string `query:"list-sync-runs"`
	DropStalePages  string `query:"drop-stale-pages"`
	AddSyncPage     string `query:"add-sync-page"`
	GetSyncPage     string `query:"get-sync-page"`
	AdvanceSyncRun  string `query:"advance-sync-run"`
	EndListing      string `query:"end-listing"`
	CountSyncRun    string `query:"count-sync-run"`
	FinishSyncRun   string `query:"finish-sync-run"`

	MakeImportStaging  string `query:"make-import-staging"`
	DropImportStaging  string `query:"drop-import-staging"`
	IndexImportStaging string `query:"index-import-staging"`
	StageMiniUsers     string `query:"stage-mini-users"`
	DedupeImport       string `query:"dedupe-import"`
	CountImport        string `query:"count-import"`
	MergeImport        string `query:"merge-import"`
	ImportPage         string `query:"import-page"`
	PutMiniUsers       string `query:"put-mini-users"`
	CountNotImported   string `query:"count-not-imported"`
	NotImportedPage    string `query:"not-imported-page"`
	DropMiniUsers      string `query:"drop-mini-users"`
	RemoveNotImported  string `query:"remove-not-imported"`
	CountMiniUsers     string `query:"count-mini-users"`

	RemoveBridges    string `query:"remove-bridges"`
	CountChanged     string `query:"count-changed-bridges"`
	AddBridges       string `query:"add-bridges"`
	CountBridges     string `query:"count-bridges"`
	MakePairs        string `query:"make-pairs"`
	TuneJoin         string `query:"tune-join"`
	ViewPairs        string `query:"view-pairs"`
	DropPairsView    string `query:"drop-pairs-view"`
	AnyBridge        string `query:"any-bridge"`
	AddFirstBridges  string `query:"add-first-bridges"`
	DropBridgesKey   string `query:"drop-bridges-key"`
	MakeBridgesKey   string `query:"make-bridges-key"`
	IndexPairs       string `query:"index-pairs"`
	MakeShared       string `query:"make-shared"`
	CountShared      string `query:"count-shared"`
	RemoveShared     string `query:"remove-shared"`
	DropShared       string `query:"drop-shared"`
	CountPairs       string `query:"count-pairs"`
	DropPairs        string `query:"drop-pairs"`
	PairsPage        string `query:"pairs-page"`
	LooseBridgesPage string `query:"loose-bridges-page"`
	PutBridgesAgain  string `query:"put-bridges-again"`
	PutBridges       string `query:"put-bridges"`
	DropBridges      string `query:"drop-bridges"`
	PeopleVersions   string `query:"people-versions"`
	AddJoin          string `query:"add-join"`
	LockJoin         string `query:"lock-join"`
	GetJoin          string `query:"get-join"`
	PutJoin          string `query:"put-join"`

	AddBroadcast          string `query:"add-broadcast"`
	AddBroadcastChannel   string `query:"add-broadcast-channel"`
	ListBroadcastChannels string `query:"list-broadcast-channels"`
	GetBroadcast          string `query:"get-broadcast"`
	FindBroadcastsByName  string `query:"find-broadcasts-by-name"`
	ListBroadcasts        string `query:"list-broadcasts"`
	BroadcastsDue         string `query:"broadcasts-due"`
	AnyNewBroadcast       string `query:"any-new-broadcast"`
	AnyBroadcast          string `query:"any-broadcast"`
	NewBroadcasts         string `query:"new-broadcasts"`
	BeginBroadcasts       string `query:"begin-broadcasts"`
	LeaveBroadcasts       string `query:"leave-broadcasts"`
	MoveBroadcast         string `query:"move-broadcast"`
	EndBroadcast          string `query:"end-broadcast"`
	GetBroadcastForClaim  string `query:"get-broadcast-for-claim"`
	SetRate               string `query:"set-rate"`
	MoveCanary            string `query:"move-canary"`
	MoreUrgent            string `query:"more-urgent"`
	RestBroadcast         string `query:"rest-broadcast"`
	Survey                string `query:"survey"`
	ShortenLeases         string `query:"shorten-leases"`
	HastenDeliveries      string `query:"hasten-deliveries"`
	CloseWindows          string `query:"close-windows"`
	CloseLeases           string `query:"close-leases"`
	DateCommits           string `query:"date-commits"`
	AdvanceBroadcast      string `query:"advance-broadcast"`
	GetFixing             string `query:"get-fixing"`
	AdvanceFixing         string `query:"advance-fixing"`

	AddList      string `query:"add-list"`
	FindList     string `query:"find-list"`
	CompleteList string `query:"complete-list"`
	CountList    string `query:"count-list"`
	FindListRow  string `query:"find-list-row"`
	AddListRows  string `query:"add-list-rows"`

	AddOptOuts       string `query:"add-optouts"`
	RemoveOptOuts    string `query:"remove-optouts"`
	ListOptOuts      string `query:"list-optouts"`
	UnknownIDs       string `query:"unknown-ids"`
	FindBlocks       string `query:"find-blocks"`
	AddBlocks        string `query:"add-blocks"`
	ForgetBlocks     string `query:"forget-blocks"`
	SettleEarly      string `query:"settle-early"`
	AnyEarly         string `query:"any-early"`
	LockQuota        string `query:"lock-quota"`
	AddEarly         string `query:"add-early"`
	SettleReceipts   string `query:"settle-receipts"`
	DoubtfulReceipts string `query:"doubtful-receipts"`
	RecentFrom       string `query:"recent-from"`
	ReceiptHints     string `query:"receipt-hints"`
	MessagesHeard    string `query:"messages-heard"`
	SettleDoubt      string `query:"settle-doubt"`

	OldJobRuns            string `query:"old-job-runs"`
	DropJobRuns           string `query:"drop-job-runs"`
	OldSyncRuns           string `query:"old-sync-runs"`
	DropSyncRuns          string `query:"drop-sync-runs"`
	OldNotices            string `query:"old-notices"`
	DropNotices           string `query:"drop-notices"`
	OldAuditTo            string `query:"old-audit-to"`
	DropAudit             string `query:"drop-audit"`
	OldCallbacks          string `query:"old-callbacks"`
	OldSubscribeCallbacks string `query:"old-subscribe-callbacks"`
	DropCallbacks         string `query:"drop-callbacks"`
	OldEarly              string `query:"old-early"`
	DropEarly             string `query:"drop-early"`
	OldBlocks             string `query:"old-blocks"`
	DropBlocks            string `query:"drop-blocks"`
	DropOldCommits        string `query:"drop-old-commits"`
	GoneFollowers         string `query:"gone-followers"`
	DropGoneFollowers     string `query:"drop-gone-followers"`
	DropLooseBridges      string `query:"drop-loose-bridges"`
	DropGoneTesters       string `query:"drop-gone-testers"`
	AnyOldList            string `query:"any-old-list"`
	EndOldLists           string `query:"end-old-lists"`
	DropListRows          string `query:"drop-list-rows"`
	DropList              string `query:"drop-list"`
	OldBroadcasts         string `query:"old-broadcasts"`
	MarkEmptied           string `query:"mark-emptied"`
	DropDeliveries        string `query:"drop-deliveries"`

	FindPermitsOf     string `query:"find-permits-of"`
	UnionIDOfMiniUser string `query:"unionid-of-mini-user"`
	PermitsHeard      string `query:"permits-heard"`
	HearPermits       string `query:"hear-permits"`
	PermitStatus      string `query:"permit-status"`
	PermitsOfPerson   string `query:"permits-of-person"`
	PermitBalances    string `query:"permit-balances"`
	DropSpentPermits  string `query:"drop-spent-permits"`
	DropLapsedPermits string `query:"drop-lapsed-permits"`
	FindPermits       string `query:"find-permits"`
	PutPermits        string `query:"put-permits"`

	FixRecipients          string `query:"fix-recipients"`
	LockFixing             string `query:"lock-fixing"`
	CountFound             string `query:"count-found"`
	Messaged               string `query:"messaged"`
	RecentMessages         string `query:"recent-messages"`
	PendingElsewhere       string `query:"pending-elsewhere"`
	LastFixed              string `query:"last-fixed"`
	CountAudience          string `query:"count-audience"`
	Tally                  string `query:"tally"`
	FreshDeliveries        string `query:"fresh-deliveries"`
	DueDeliveries          string `query:"due-deliveries"`
	FreshDeliveriesInOrder string `query:"fresh-deliveries-in-order"`
	ReadInOrder            string `query:"read-in-order"`
	LookUpByKey            string `query:"look-up-by-key"`
	CountAmong             string `query:"count-among"`
	NextDue                string `query:"next-due"`
	CloseDoubts            string `query:"close-doubts"`
	FinishCancelled        string `query:"finish-cancelled"`
	BroadcastsInDoubt      string `query:"broadcasts-in-doubt"`
	BroadcastState         string `query:"broadcast-state"`
	WakeChannelsForQuota   string `query:"wake-channels-for-quota"`
	WakeForQuota           string `query:"wake-for-quota"`
	KeepTally              string `query:"keep-tally"`
	UncountedBroadcasts    string `query:"uncounted-broadcasts"`
	DropTallies            string `query:"drop-tallies"`
	RecordOutcomes         string `query:"record-outcomes"`
	RecordSent             string `query:"record-sent"`
	ScheduleDeliveries     string `query:"schedule-deliveries"`

	AddMessages          string `query:"add-messages"`
	AddMessageDeliveries string `query:"add-message-deliveries"`
	KnownMessages        string `query:"known-messages"`
	GetMessage           string `query:"get-message"`
	RevokeMessage        string `query:"revoke-message"`
	AnyExpired           string `query:"any-expired"`
	ExpireMessages       string `query:"expire-messages"`
	FreeMessageKeys      string `query:"free-message-keys"`
	DropMessages         string `query:"drop-messages"`
	CountMessagesOfDay   string `query:"count-messages-of-day"`
	FindByOpenID         string `query:"find-followers-by-openid"`
	FindRecipients       string `query:"find-recipients"`
	OldestDueMessage     string `query:"oldest-due-message"`
	AddPreset            string `query:"add-preset"`
	GetPreset            string `query:"get-preset"`
	ListPresets          string `query:"list-presets"`
	RemovePreset         string `query:"remove-preset"`

	ListStoreMoves string `query:"list-store-moves"`
	AddStoreMove   string `query:"add-store-move"`
	EndStoreMove   string `query:"end-store-move"`

	LockBroadcast string `query:"lock-broadcast"`
	LockAccount   string `query:"lock-account"`
	AddLease      string `query:"add-lease"`
	HoldLease     string `query:"hold-lease"`
	RenewLeases   string `query:"renew-leases"`
	CountLeases   string `query:"count-leases"`
	AnyLeaseAlive string `query:"any-lease-alive"`
	LapsedLeases  string `query:"lapsed-leases"`
	ReopenLease   string `query:"reopen-lease"`
	DeleteLease   string `query:"delete-lease"`
	DeleteLeases  string `query:"delete-leases"`

	CountOtherCalls string `query:"count-other-calls"`
	GetQuota        string `query:"get-quota"`
	ListQuota       string `query:"list-quota"`
	QuotaHistory    string `query:"quota-history"`
	GrowthByDay     string `query:"growth-by-day"`
	PutQuota        string `query:"put-quota"`
	AddQuota        string `query:"add-quota"`
	DoubtQuota      string `query:"doubt-quota"`
	CountCalls      string `query:"count-calls"`
	SpendQuota      string `query:"spend-quota"`
	GetPacing       string `query:"get-pacing"`
	PutPacing       string `query:"put-pacing"`
}

// queriesOf are those of each engine, read once in a program.
var queriesOf = map[Engine]func() queries{
	SQLite:   sync.OnceValue(func() queries { return mustLoadQueries(SQLite) }),
	Postgres: sync.OnceValue(func() queries { return mustLoadQueries(Postgres) }),
}

// boundLimit is a LIMIT that is a parameter alone. SQLite plans such a statement anew whenever the
// parameter is bound, which takes longer than many a statement itself.
var boundLimit = regexp.MustCompile(`LIMIT (\$\d+)`)

// mustLoadQueries reads the shared files and the engine's own. The files are
// part of the binary: a fault in them is a programming error.
func mustLoadQueries(engine Engine) queries {
	all := goyesql.Queries{}
	for _, dir := range []string{"queries", path.Join("queries", string(engine))} {
		files, err := fs.Glob(queryFiles, path.Join(dir, "*.sql"))
		if err != nil {
			panic(err)
		}
		for _, name := range files {
			text, err := queryFiles.ReadFile(name)
			if err != nil {
				panic(err)
			}
			for query, body := range goyesql.MustParseBytes(text) {
				if _, twice := all[query]; twice {
					panic(fmt.Sprintf("%s: query %s stands twice", name, query))
				}
				all[query] = body
			}
		}
	}
	if engine == SQLite {
		for _, query := range all {
			query.Query = boundLimit.ReplaceAllString(query.Query, "LIMIT $1 + 0")
		}
	}
	var q queries
	if err := goyesql.ScanToStruct(&q, all, nil); err != nil {
		panic(err)
	}
	return q
}
