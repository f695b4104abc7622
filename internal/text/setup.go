package text

// What wxcast init asks and says.
var _ = add(map[string]words{
	"help.init": {"Ask for what a configuration needs, try each answer, and write it", "逐项询问配置并即时验证，然后写入文件"},
	"help.init.long": {`Ask for the account, the mini program, the database, the callbacks and a robot that
tells of reports; try each answer at once; and write the configuration (wxcast.yaml,
or --config FILE) with comments, for your eyes alone, with a data key beside it.

What the environment has (WXCAST_APPID, WXCAST_SECRET, …) is not asked for. Where
there is no terminal, the answers are read from standard input, one in a line.`,
		`依次询问公众号、小程序、数据库、回调和接收日报的机器人，每项即时验证；然后写入带注释的
配置文件（wxcast.yaml，或 --config FILE），仅本人可读，旁边附一个数据密钥文件。

环境变量中已有的（WXCAST_APPID、WXCAST_SECRET 等）不再询问。没有终端时，从标准输入
逐行读取回答。`},
	"flag.init.replace": {"write over a file that is there; it is kept as FILE.old", "覆盖已有文件，原文件保留为 FILE.old"},

	"init.there":        {"is there already", "已存在"},
	"init.want_replace": {"name another file with --config, or replace it with --replace", "请用 --config 指定其他文件，或用 --replace 覆盖"},
	"init.no_answer":    {"no answer to: {what}", "没有回答：{what}"},
	"init.want_answers": {"run it on a terminal, or give an answer in each line", "请在终端中运行，或逐行给出回答"},
	"init.no_folder":    {"the folder {folder} is not there", "文件夹 {folder} 不存在"},

	"init.hello":     {"Each answer is tried at once, then {file} is written. Enter takes what stands in brackets.", "每项回答会立即验证，最后写入 {file}。直接回车采用方括号中的值。"},
	"init.account":   {"\n1/5 The official account (公众号)", "\n1/5 公众号"},
	"init.mini":      {"\n2/5 The mini program (小程序)", "\n2/5 小程序"},
	"init.database":  {"\n3/5 The database", "\n3/5 数据库"},
	"init.callbacks": {"\n4/5 WeChat's callbacks: receipts, new followers, consents", "\n4/5 微信回调：送达回执、新粉丝、订阅授权"},
	"init.robot":     {"\n5/5 Reports and alerts", "\n5/5 日报与告警"},

	"init.ask_name":          {"a short name for it", "简称"},
	"init.where_name":        {"It stands in the callback's address and in commands: small letters, digits, - and _.", "会出现在回调地址和命令中：小写字母、数字、-、_。"},
	"init.ask_appid":         {"AppID", "AppID"},
	"init.where_appid":       {"微信开发者平台 → 我的业务 → 服务号 → 基础信息: it begins with wx.", "微信开发者平台 → 我的业务 → 服务号 → 基础信息，以 wx 开头。"},
	"init.ask_secret":        {"AppSecret", "AppSecret"},
	"init.where_secret":      {"In the same place, 开发密钥. This machine's address must stand in the IP白名单 there.", "同一页面的“开发密钥”。本机出口 IP 须在其 IP 白名单中。"},
	"init.ask_mini_appid":    {"the mini program's AppID (Enter: none)", "小程序 AppID（没有则回车）"},
	"init.where_mini_appid":  {"It must be bound to the same Open Platform account, and linked in 小程序管理.", "须与公众号绑定同一开放平台账号，并在“小程序管理”中关联。"},
	"init.ask_mini_secret":   {"the mini program's AppSecret (Enter: later)", "小程序 AppSecret（可稍后填写，直接回车）"},
	"init.where_mini_secret": {"It is needed for subscribe messages and for logins.", "发送订阅消息和小程序登录时需要。"},
	"init.ask_database":      {"URL", "地址"},
	"init.where_database":    {"SQLite needs nothing else. For several machines: postgres://USER:PASSWORD@HOST/NAME", "SQLite 无需其他准备。多台机器请用 postgres://用户:密码@主机/库名"},
	"init.ask_token":         {"Token (Enter: a new one is drawn)", "Token（回车则随机生成）"},
	"init.where_token":       {"If 服务器配置 has one already that other programs use, give it; else draw a new one.", "若“服务器配置”中已有且其他程序在用，请填写它；否则随机生成。"},
	"init.ask_aes_key":       {"EncodingAESKey (Enter: a new one is drawn)", "EncodingAESKey（回车则随机生成）"},
	"init.where_aes_key":     {"43 letters and digits.", "43 位字母与数字。"},
	"init.paste":             {"  Write these into 服务器配置 when wxcast serve runs behind your domain (安全模式):\n    URL             https://YOUR-DOMAIN/wechat/{account}\n    Token           {token}\n    EncodingAESKey  {key}", "  待 wxcast serve 在你的域名后运行时，将以下内容填入“服务器配置”（选安全模式）：\n    URL             https://你的域名/wechat/{account}\n    Token           {token}\n    EncodingAESKey  {key}"},
	"init.as_given":          {"as you gave it", "同你填写的"},
	"init.ask_robot":         {"the robot's webhook (Enter: none)", "机器人 webhook 地址（没有则回车）"},
	"init.where_robot":       {"A group robot of 企业微信, 钉钉, 飞书 or Slack; it gets a greeting now.", "企业微信、钉钉、飞书或 Slack 的群机器人，现在会收到一条问候。"},

	"init.from_env":       {"  {what}: from {env}", "  {what}：取自 {env}"},
	"init.choice":         {"Enter: try again · n: answer anew · s: leave it as it is", "回车：重试 · n：重新填写 · s：保持不变，继续"},
	"init.account_right":  {"WeChat accepts them: {followers:count} followers, {templates:count} templates", "微信已接受：{followers:count} 位粉丝，{templates:count} 个模板"},
	"init.mini_right":     {"WeChat accepts them", "微信已接受"},
	"init.sqlite_right":   {"{file} is made when it is first used", "首次使用时创建 {file}"},
	"init.postgres_right": {"it answers, and can be written", "连接正常，可写"},
	"init.robot_right":    {"the robot took a greeting", "机器人已收到问候"},
	"init.robot_title":    {"wxcast: {account} is set up", "wxcast：{account} 已接入"},
	"init.robot_body":     {"Reports and alerts will come here.", "日报和告警将发到这里。"},

	"init.written": {"\nWrote {file}, and store.key beside it: keep both. What the doctor says:", "\n已写入 {file} 及其旁边的 store.key，请一并保存。检查结果："},
	"init.next":    {"\nThe first message to your own phone:\n  wxcast sync{with}\n  wxcast followers find REMARK{with}            your own openid, by the remark that you gave yourself\n  wxcast templates --spec TPL_ID{with} > first.yaml\n  wxcast broadcast test first.yaml --to OPENID{with}\nThen let wxcast serve run.", "\n给自己的手机发第一条消息：\n  wxcast sync{with}\n  wxcast followers find 备注{with}            按你给自己设的备注找到自己的 openid\n  wxcast templates --spec TPL_ID{with} > first.yaml\n  wxcast broadcast test first.yaml --to OPENID{with}\n之后让 wxcast serve 常驻运行。"},

	"init.file_head":      {"Written by wxcast init; every key stands in docs/configuration.md.\nAfter a change: wxcast doctor", "由 wxcast init 生成；全部配置项见 docs/zh/configuration.md。\n修改后运行：wxcast doctor"},
	"init.file_database":  {"sqlite://FILE, or postgres://USER:PASSWORD@HOST/NAME for more than one machine", "sqlite://文件；多台机器请用 postgres://用户:密码@主机/库名"},
	"init.file_key":       {"seals what is secret in the database; keep it apart from its backups", "加密数据库中的机密内容；请与数据库备份分开保存"},
	"init.file_account":   {"the official account: 微信开发者平台 → 我的业务 → 服务号 → 基础信息", "公众号：微信开发者平台 → 我的业务 → 服务号 → 基础信息"},
	"init.file_callbacks": {"服务器配置: URL https://YOUR-DOMAIN/wechat/NAME, 安全模式", "服务器配置：URL 为 https://你的域名/wechat/简称，安全模式"},
	"init.file_mini":      {"the mini program; its secret is for subscribe messages and logins", "小程序；AppSecret 用于订阅消息和登录"},
	"init.file_listen":    {"a proxy with TLS stands in front of it", "前面请放一个带 TLS 的反向代理"},
	"init.file_robot":     {"who gets reports and alerts", "接收日报和告警的机器人"},
})
