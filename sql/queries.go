package store

import (
	"embed"
	"fmt"
	"io/fs"
	"path"

	"github.com/knadh/goyesql/v2"
)

//go:embed queries
var queryFiles embed.FS

// queries holds the text of every named query for one engine. A missing one
// stops the program at Open; that every text is valid on its engine is tested.
type queries struct {
	AddApp string `query:"add-app"`
	GetApp string `query:"get-app"`

	GetToken string `query:"get-token"`
	PutToken string `query:"put-token"`

	AcquireLock string `query:"acquire-lock"`
	GetLock     string `query:"get-lock"`
	RenewLock   string `query:"renew-lock"`
	ReleaseLock string `query:"release-lock"`

	CountFollowers  string `query:"count-followers"`
	FollowerGrowth  string `query:"follower-growth"`
	UpsertFollowers string `query:"upsert-followers"`
	Unfollow        string `query:"unfollow"`

	OpenSyncRun      string `query:"open-sync-run"`
	GetSyncRun       string `query:"get-sync-run"`
	AddSyncRun       string `query:"add-sync-run"`
	AbandonSyncRuns  string `query:"abandon-sync-runs"`
	DropListings     string `query:"drop-stale-listings"`
	AddListingPage   string `query:"add-listing-page"`
	AdvanceSyncRun   string `query:"advance-sync-run"`
	EndListing       string `query:"end-listing"`
	CountSyncRun     string `query:"count-sync-run"`
	FinishSyncRun    string `query:"finish-sync-run"`
	PageNeedsDetails string `query:"page-needs-details"`
	CountMissing     string `query:"count-missing"`
	ListMissing      string `query:"list-missing"`

	MakeImportStaging  string `query:"make-import-staging"`
	DropImportStaging  string `query:"drop-import-staging"`
	IndexImportStaging string `query:"index-import-staging"`
	StageMiniUsers     string `query:"stage-mini-users"`
	CountImport        string `query:"count-import"`
	MergeImport        string `query:"merge-import"`
	CountMiniUsers     string `query:"count-mini-users"`

	RemoveBridges    string `query:"remove-bridges"`
	ChangeBridges    string `query:"change-bridges"`
	AddBridges       string `query:"add-bridges"`
	CountBridges     string `query:"count-bridges"`
	UnionIDConflicts string `query:"count-unionid-conflicts"`

	AddBroadcast         string `query:"add-broadcast"`
	GetBroadcast         string `query:"get-broadcast"`
	FindBroadcastsByName string `query:"find-broadcasts-by-name"`
	ListBroadcasts       string `query:"list-broadcasts"`
	MoveBroadcast        string `query:"move-broadcast"`
	GetBroadcastForClaim string `query:"get-broadcast-for-claim"`
	AdvanceBroadcast     string `query:"advance-broadcast"`
	GetFixing            string `query:"get-fixing"`
	AdvanceFixing        string `query:"advance-fixing"`

	FixRecipients      string `query:"fix-recipients"`
	LastFixed          string `query:"last-fixed"`
	CountAudience      string `query:"count-audience"`
	Tally              string `query:"tally"`
	FreshDeliveries    string `query:"fresh-deliveries"`
	DueDeliveries      string `query:"due-deliveries"`
	NextDue            string `query:"next-due"`
	RecordOutcomes     string `query:"record-outcomes"`
	ScheduleDeliveries string `query:"schedule-deliveries"`

	LockBroadcast string `query:"lock-broadcast"`
	LockAccount   string `query:"lock-account"`
	AddLease      string `query:"add-lease"`
	RenewLeases   string `query:"renew-leases"`
	CountLeases   string `query:"count-leases"`
	LapsedLeases  string `query:"lapsed-leases"`
	ReopenLease   string `query:"reopen-lease"`
	DeleteLease   string `query:"delete-lease"`
	DeleteLeases  string `query:"delete-leases"`

	GetQuota   string `query:"get-quota"`
	ListQuota  string `query:"list-quota"`
	PutQuota   string `query:"put-quota"`
	AddQuota   string `query:"add-quota"`
	CountCalls string `query:"count-calls"`
	SpendQuota string `query:"spend-quota"`
	GetPacing  string `query:"get-pacing"`
	PutPacing  string `query:"put-pacing"`
}

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
	var q queries
	if err := goyesql.ScanToStruct(&q, all, nil); err != nil {
		panic(err)
	}
	return q
}
