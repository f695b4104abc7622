package text

// What the store says.
var _ = add(map[string]words{
	"app.other_kind":            {"{appid} is known to this database as {known} and is configured as {configured}", "{appid} 在本库中是{known}，而配置为{configured}"},
	"app.want_own_appid":        {"an official account and a mini program have different appids", "公众号和小程序的 appid 不同"},
	"app.kind_official_account": {"an official account", "公众号"},
	"app.kind_mini_program":     {"a mini program", "小程序"},
	"store.bad_url":             {"the database URL is wrong: {problem}", "数据库地址有误：{problem}"},
	"store.no_scheme":           {"it has no scheme", "没有协议部分"},
	"store.bad_scheme":          {"the scheme {scheme:quote} is not known", "不支持的协议 {scheme:quote}"},
	"store.schema_missing":      {"the database says that its schema is right, and our tables are not there: {why}", "数据库声称结构正确，但缺少我们的表：{why}"},
	"store.no_create":           {"the role {role} may not make tables in the schema {schema}: run GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}", "角色 {role} 无权在模式 {schema} 中建表：请执行 GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}"},
	"store.no_file":             {"it names no file", "没有写文件名"},
	"store.no_folder":           {"the database cannot be reached: the folder of {path}: {why}", "无法连接数据库：{path} 所在的文件夹：{why}"},
	"store.unreachable":         {"the database cannot be reached: {why}", "无法连接数据库：{why}"},
	"store.disk_full":           {"the disk of the database is full, or its files may not grow: {why}", "数据库所在磁盘已满，或文件无法增长：{why}"},
	"store.schema_older":        {"the database is not migrated: its schema is version {have}, this wxcast wants {want}", "数据库尚未迁移：结构版本为 {have}，此 wxcast 需要 {want}"},
	"store.schema_newer":        {"the database was migrated by a newer wxcast: its schema is version {have}, this wxcast knows {want}", "数据库已由更新的 wxcast 迁移：结构版本为 {have}，此 wxcast 只支持 {want}"},
	"skip.unfollowed":           {"no longer follows the account", "已不再关注公众号"},
	"skip.opted_out":            {"asked for no more messages", "已退订"},
	"skip.blocked":              {"refused this template lately", "近期拒收了该模板"},
	"skip.excluded":             {"got a message since then that the audience rules out", "其后已收到受众条件所排除的消息"},
	"skip.capped_day":           {"had {had} messages in 24 hours; the frequency cap is {cap}", "24 小时内已收到 {had} 条消息；频次上限为 {cap}"},
	"skip.capped_week":          {"had {had} messages in 7 days; the frequency cap is {cap}", "7 天内已收到 {had} 条消息；频次上限为 {cap}"},
})
