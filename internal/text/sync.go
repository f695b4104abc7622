package text

// Why a sync ended early.
var _ = add(map[string]words{
	"sync.quota_short":       {"today's quota does not cover a sync: listing {followers} followers takes {calls} more calls of user/get, and {left} of {limit} are left. Run it again after midnight in Beijing, or find out who else calls user/get", "今日配额不够一次同步：列出 {followers} 名粉丝还需调用 user/get {calls} 次，而 {limit} 次中只剩 {left} 次。请在北京时间零点后再运行，或查明还有谁在调用 user/get"},
	"sync.mass_unfollow":     {"too many followers are missing from WeChat's list: {missing:count} of {of:count} stored followers ({share:percent}), and sync.max_unfollow_share allows {most:percent}; nobody was marked", "微信的列表缺少过多粉丝：已存 {of:count} 名中缺 {missing:count} 名（{share:percent}），而 sync.max_unfollow_share 只允许 {most:percent}；没有标记任何人"},
	"sync.mass_unfollow/cli": {"if they really left, run wxcast sync --allow-mass-unfollow", "若他们确已取关，请运行 wxcast sync --allow-mass-unfollow"},
	"sync.details_missing":   {"some details could not be fetched, run the sync again: {why}", "部分粉丝资料未能获取，请再次同步：{why}"},
	"sync.cursor_lost":       {"the cursor is not accepted any more, run the sync again: {why}", "列表游标已失效，请再次同步：{why}"},
	"sync.list_broke_off":    {"WeChat's list of followers ended after {listed} of {of} followers; nobody was marked as gone. Run the sync again", "微信的粉丝列表在 {of} 名中的第 {listed} 名处中断；没有标记任何人取关。请再次同步"},
	"sync.locked":            {"another sync of this account is at work: {holder} since {since:second} (Beijing)", "该账号的另一次同步正在进行：{holder}，始于 {since:second}（北京时间）"},
	"sync.lock_lost":         {"the account's sync lock was lost to another process: the database was away for too long", "该账号的同步锁已被另一进程取得：数据库失联过久"},
})
