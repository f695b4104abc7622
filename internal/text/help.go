package text

// What each command is for, by its path: help.PATH in a line, help.PATH.long in full.
var _ = add(map[string]words{
	"help": {"Reach your mini program's users through your official account", "用公众号触达小程序用户"},
	"help.long": {`wxcast syncs the followers of a WeChat official account, joins them to the users
of your mini program by unionid, and sends them template messages that open it:
paced, inside the daily quota, resumable, no one skipped and no one twice.

Start with:  wxcast demo`,
		`wxcast 同步公众号（服务号）的粉丝，按 unionid 与小程序用户关联，并向他们发送可打开
小程序的模板消息：限速、不超每日配额、可断点续传，不漏一人，不重一人。

从这里开始：  wxcast demo`},

	"help.audit": {"Show who changed what", "查看谁做了什么更改"},
	"help.audit.long": {`Show who asked for what, the latest first: commands, calls of the HTTP API and jobs,
exports, previews and looks at a person too, from where, and how they ended. Entries are
kept for retention.audit (400 days). People stand in it as keyed hashes of their ids.`,
		`查看谁请求了什么（最新的在前）：命令、HTTP API 调用和定时任务，也包括导出、预览和
查看个人，以及来源和结果。记录保留 retention.audit（400 天）。其中的人以其 ID 的带密钥
哈希表示。`},
	"help.audit.verify": {"Check that the audit log is as it was written", "校验审计日志是否与写入时一致"},
	"help.audit.verify.long": {`Check that no entry of the audit log was changed, put in or removed, but by the retention.
Each entry bears the hash of the one before it; with store.key_file the hashes are keyed,
so that nobody who can only write to the database can make them anew. The last hash is
printed as the head: keep it elsewhere, and name it with --head at the next check.`,
		`校验审计日志没有被更改、插入或删除（按保留期清除的除外）。每条记录都带有前一条的
哈希；设置 store.key_file 后哈希带密钥，只能写数据库的人无法重算。输出的末尾哈希请另行
保存，下次校验时用 --head 指定。`},

	"help.bench": {"Measure how fast this machine is, beside its own ceilings and a plain loop", "测量本机速度，并与其上限和普通循环对比"},
	"help.bench.long": {`Measure wxcast on this machine, on a simulated account: nobody real gets a message, and
the configured database is not touched. Beside it stand the machine's ceilings (a bare Go
client that makes the same calls and records nothing, the same rows by COPY or by bare
SQL) and the loop of the tutorials: one call after the other, one INSERT each.

SQLite is measured in a temporary folder. With --database postgres://… databases are
made on that server for the time, and dropped. What is measured where no PART is named:
{default}, within 10 minutes on two cores. The parts:

{parts}`,
		`在模拟账号上测量 wxcast 在本机的速度：不会给真实用户发消息，也不会动用所配置的数据库。
同时给出本机的上限（发出同样请求但不做记录的裸 Go 客户端，用 COPY 或裸 SQL 写入同样的行），
以及教程里常见的循环：一次一个调用，每次一条 INSERT。

SQLite 在临时目录中测量。加 --database postgres://… 时会在该服务器上临时建库，用完删除。
未指定 PART 时测量：{default}，双核约 10 分钟。可测量的部分：

{parts}`},
	"bench.part.sync":      {"a first sync, one with nothing changed, one with a thousandth changed", "首次同步、无变化的同步、千分之一变化的同步"},
	"bench.part.join":      {"an import of mini users and a join", "导入小程序用户并关联"},
	"bench.part.broadcast": {"broadcasts, as fast as they go", "全速群发"},
	"bench.part.subscribe": {"subscribe messages, each with a consent, as fast as they go and at 2,000 a second",
		"订阅消息，每条用一次授权，全速与每秒 2,000 条"},
	"bench.part.console": {"50 people look at the console of a large account while a broadcast runs",
		"群发进行中，50 人同时查看大账号的控制台"},
	"bench.part.pace":     {"500 messages a second for a minute, by one process and by four", "每秒 500 条持续一分钟，单进程与四进程"},
	"bench.part.crash":    {"a broadcast whose process is killed in the middle", "中途杀掉进程的群发"},
	"bench.part.callback": {"2,000 events a second for a minute, then consents, to two processes, one killed", "每秒 2,000 个事件持续一分钟，然后是授权事件，两个进程，其中一个被杀"},
	"bench.part.messages": {"single messages beside a broadcast, processes killed", "群发进行中的单条消息，并中途杀进程"},
	"bench.part.growth":   {"the whole job at each of --sizes", "按 --sizes 的各个规模跑完整流程"},
	"bench.part.workers":  {"a broadcast by one, two, four and eight processes", "一、二、四、八个进程的群发"},
	"bench.part.sim":      {"the simulator beside a bare handler", "模拟器与裸处理函数对比"},

	"help.broadcast": {"Send template messages to the bridged followers", "向已关联的粉丝群发模板消息"},
	"help.broadcast.long": {`Send one template message to each bridged follower: at the asked rate, inside the
day's quota, and so that a crash skips no one and repeats no one.

WeChat allows template messages as service notices that people asked for. Sending
marketing risks the template and the account.`,
		`向每位已关联小程序的粉丝发送一条模板消息：按指定速率，不超当日配额，崩溃也不漏发、不重发。

微信只允许把模板消息用作用户触发或同意的服务通知。发送营销内容可能导致模板或账号被处罚。`},
	"help.broadcast.release":       {"Let all follow a canary that was sent, without waiting for its time", "灰度发出后不再等待，立即发给其余的人"},
	"help.broadcast.schedule":      {"Let a draft begin at a time, by wxcast serve", "排期：让草稿在指定时间由 wxcast serve 开始"},
	"flag.templates.spec":          {"print a spec to begin with of the template with that `ID`", "输出该 `ID` 模板的起始群发文件"},
	"flag.migrate.from":            {"move the SQLite store at that `URL` here", "把该 `URL` 的 SQLite 数据库迁移到此处"},
	"flag.broadcast.cancel.reason": {"what people are told of it", "告知他人的原因"},
	"flag.broadcast.schedule.at":   {"when it begins, in Beijing time, such as 2026-11-30 10:00", "开始时间，北京时间，如 2026-11-30 10:00"},
	"help.broadcast.cancel":        {"End a broadcast; who has no message yet gets none", "结束群发；尚未收到的人不再发送"},
	"help.broadcast.create":        {"Check and store a broadcast, to be started later", "检查并保存群发，稍后开始"},
	"help.broadcast.create.long": {`Check a spec as "broadcast run" does and store its broadcast without sending. Begin it
with "broadcast start". With --at it is scheduled: "wxcast serve" begins it by itself,
and "broadcast start" waits for the time. Its recipients are those at its start.`,
		`像 broadcast run 一样检查群发文件并保存，但不发送；用 broadcast start 开始。
加 --at 则排期：wxcast serve 会按时自动开始，broadcast start 会等到那个时间。
收件人以开始时为准。`},
	"help.broadcast.export": {"Write every delivery of a broadcast with its outcome, as CSV or JSON Lines", "导出群发的每条投递及结果（CSV 或 JSON Lines）"},
	"help.broadcast.export.long": {`Write one row for each recipient of a broadcast, in openid order: the state, the
attempts, WeChat's errcode and msgid, and when it was last tried. Times are UTC.`,
		`按 openid 顺序为每位收件人写一行：状态、尝试次数、微信的 errcode 与 msgid、最近一次
尝试的时间。时间为 UTC。`},
	"help.broadcast.list":    {"List the account's broadcasts, the latest first", "列出本账号的群发，最新的在前"},
	"help.broadcast.pause":   {"Pause a running broadcast", "暂停正在进行的群发"},
	"help.broadcast.preview": {"Show who would get a broadcast, what they would see, and when it would end; send nothing", "预览：谁会收到、看到什么、何时结束；不发送"},
	"help.broadcast.preview.long": {`Check a spec against the account's real template and every recipient, and show who
is in and who is out and why, the quota that it takes, how long it lasts at the rate,
and the first messages as people would see them. Nothing is sent or stored.`,
		`用账号的真实模板和每位收件人检查群发文件，显示谁会收到、谁被排除及原因、占用多少配额、
按此速率要多久，以及前几条消息的样子。不发送，也不保存。`},
	"help.broadcast.rate": {"Change how fast a broadcast goes, also while it runs", "更改群发速率，发送中也可以"},
	"help.broadcast.rate.long": {`Change a broadcast's messages per second. Its workers, wherever they run, keep to the
new rate within a second.

With --priority it also overtakes, or lets pass, the account's other broadcasts.`,
		`更改群发的每秒消息数。无论在哪里运行，各进程一秒内改用新速率。

加 --priority 可以超过或让过本账号的其他群发。`},
	"help.broadcast.resume": {"Go on with a paused or waiting broadcast", "继续已暂停或等待中的群发"},
	"help.broadcast.resume.long": {`Go on with a paused or waiting broadcast, from the spec that it was stored with, as
"broadcast run" with that spec does.`,
		`按保存时的内容继续已暂停或等待中的群发，与再次 broadcast run 相同。`},
	"help.broadcast.retry": {"Send to those again to whom a broadcast's message failed", "对发送失败的人重发"},
	"help.broadcast.retry.long": {`Make a new broadcast of the recipients that WeChat refused, with the same message and
their own values, and run it. Who got it in an earlier retry is left out. Messages
whose outcome is unknown are not among them: those people may have it.`,
		`为被微信拒绝的收件人新建一个群发，内容及各人的变量不变，并运行它。先前重试中已收到的人
不再发送。结果未知的消息不在其中：那些人可能已经收到。`},
	"help.broadcast.run": {"Run a broadcast to its end, or go on with it", "运行群发直到结束，或接着上次继续"},
	"help.broadcast.run.long": {`Run the broadcast that a spec describes. Before the first message goes out, every
value of every recipient is filled in and held against the template.

The same name and content is the same broadcast: run again after a crash, an
interrupt, a pause or a spent quota, it goes on where it was. Run by several
processes on one Postgres, it is shared among them.

Exit codes: 0 done, 3 it waits (the day's quota is used up, or these are quiet
hours; run it again then), 4 paused, 130 interrupted. With --wait it waits itself.`,
		`运行群发文件所描述的群发。第一条消息发出之前，会为每位收件人填好每个值并与模板核对。

名称和内容相同即是同一个群发：崩溃、中断、暂停或配额用完之后再次运行，会从原处继续。
多个进程在同一个 Postgres 上运行时共同分担。

退出码：0 完成，3 等待（当日配额用完或处于免打扰时段，届时再运行），4 已暂停，130 被中断。
加 --wait 则自行等待。`},
	"help.broadcast.start": {"Begin a broadcast that was created before", "开始先前创建的群发"},
	"help.broadcast.start.long": {`Begin a broadcast that was created before, from the spec that it was stored with, as
"broadcast run" with that spec does.`,
		`按保存时的内容开始先前创建的群发，与 broadcast run 相同。`},
	"help.broadcast.status": {"Show how a broadcast stands, counted from its deliveries", "查看群发进度（按投递记录统计）"},
	"help.broadcast.status.long": {`Show how a broadcast stands, counted from its deliveries. With --watch, tell every
second how far it is, until it ends, waits or is paused; Ctrl-C leaves it alone.`,
		`查看群发进度（按投递记录统计）。加 --watch 则每秒显示一次，直到结束、等待或暂停；
Ctrl-C 只退出查看，不影响群发。`},
	"help.broadcast.test": {"Send a broadcast's message to a few people, to look at it on a phone", "先发给几个人，在手机上看效果"},
	"help.broadcast.test.long": {`Send the spec's message, with each person's own values, to a few followers of yours.
It is no part of the broadcast: they get that, too; but for a minute WeChat takes the
same text to the same person for a repeat, and the broadcast tries them again then.
Each test message takes one of the day's quota.`,
		`把群发的消息（带各人自己的变量）发给几位粉丝。它不属于群发：这些人之后仍会收到群发；
但一分钟内微信会把发给同一人的相同内容视为重复，群发会稍后再试。每条测试消息占用一条当日配额。`},

	"help.demo": {"Show the whole job on a simulated account: sync, import, join, broadcast, report", "在模拟账号上演示全流程：同步、导入、关联、群发、报告"},
	"help.demo.long": {`Start a simulator of WeChat on this machine, and do the whole job against it: sync
the followers, import the mini program's users, join them by unionid, broadcast a
template message that opens the mini program, and report. Nothing needs to be
installed, nobody real gets a message, and the data goes into a temporary folder
unless --database names a place for it.`,
		`在本机启动微信模拟器并完成全流程：同步粉丝、导入小程序用户、按 unionid 关联、群发可打开
小程序的模板消息、出报告。无需安装任何东西，不会给真实用户发消息；数据放在临时目录，
除非用 --database 指定位置。`},

	"help.doctor": {"Check the database, the way to WeChat, the credentials, quota, templates and unionids", "检查数据库、网络、凭证、配额、模板和 unionid"},
	"help.doctor.long": {`Check everything that a broadcast needs, one line each: ok, warn or fail, with how
to mend it. It sends nobody a message. Exit code 1 if any fails.

With --callback it tests your callback URL as WeChat does, with a right and with a
wrong signature.`,
		`逐项检查群发所需的一切：ok、warn 或 fail，并说明如何修复。不会给任何人发消息。
有 fail 时退出码为 1。

加 --callback 会像微信那样用正确和错误的签名各测试一次回调地址。`},

	"help.explain": {"Say what one of WeChat's error codes means, and what to do", "解释微信错误码的含义和处理办法"},
	"help.explain.long": {`Say what an errcode means, whose fault it is, what wxcast does about it by
itself, and what you should do; in English and Chinese.`,
		`说明 errcode 的含义、责任方、wxcast 会自动做什么、您应当做什么（中英文）。`},

	"help.followers":        {"Look at followers: show one, export many, forget one", "查看粉丝：显示一人、导出多人、删除一人"},
	"help.followers.export": {"Write followers as CSV or JSON Lines", "导出粉丝（CSV 或 JSON Lines）"},
	"help.followers.export.long": {`Write the followers that the filters leave, in openid order, with their unionid,
their openid in the mini program, and their history. Times are UTC. Without filters
that is every current follower.`,
		`按 openid 顺序导出符合筛选条件的粉丝：unionid、小程序 openid 和关注历史。时间为 UTC。
不加筛选即全部现有粉丝。`},
	"help.followers.find":   {"Find followers by how their remark begins", "按备注的开头查找粉丝"},
	"help.templates":        {"List WeChat's templates, with the values that they ask for", "列出微信模板及其所需的值"},
	"help.followers.forget": {"Delete one person's data from every table", "从所有表中删除一个人的数据"},
	"help.followers.forget.long": {`Delete everything that is kept of one person, as the law lets them ask for. Their
messages stay in the counts of the broadcasts, under a name that leads to no one;
single messages that have not left are cancelled.

As long as they follow the account, WeChat lists them and the next sync meets them
as a new follower.`,
		`应本人依法提出的要求，删除所保存的此人的全部数据。其消息仍计入群发的统计，但所用名称无法
对应到任何人；尚未发出的单条消息会取消。

只要此人仍关注账号，微信就会列出他，下次同步会把他当作新粉丝。`},
	"help.followers.show": {"Show everything known about one person", "显示一个人的全部信息"},
	"help.followers.show.long": {`Show everything that is kept of one person: when they followed, left and came
back, what they are in the mini programs, and every message to them with what
became of it.`,
		`显示所保存的一个人的全部信息：何时关注、取关、重新关注，在各小程序中的身份，以及发给他的
每条消息和结果。`},

	"help.import": {"Bring the mini program's users into the database", "导入小程序用户"},
	"help.import.long": {`Read the mini program's users, a unionid and an openid each, from a file or
straight from the mini program's own database. New users are added and those
whose unionid changed are changed; nobody is removed without --replace.

A file is CSV (its first line names the columns) or JSON Lines, in UTF-8, UTF-16
or GBK, gzipped or not: it is looked at, not asked for. "-" reads standard input.
A database is MySQL or Postgres; wxcast only reads there, row by row.

Rows without a usable unionid or openid go to a file with line and reason, and the
good ones are imported; with --strict any bad row refuses the whole import.`,
		`从文件或直接从小程序自己的数据库读取小程序用户（每人一个 unionid 和一个 openid）。
新用户会加入，unionid 变化的会更新；不加 --replace 不会删除任何人。

文件可以是 CSV（首行为列名）或 JSON Lines，UTF-8、UTF-16 或 GBK，压缩（gzip）与否均可，
自动识别。“-”表示标准输入。数据库可以是 MySQL 或 Postgres；wxcast 只读取，逐行进行。

没有可用 unionid 或 openid 的行会连同行号和原因写入另一个文件，其余照常导入；
加 --strict 时只要有一行不合格就全部拒绝。`},

	"help.jobs": {"Show what wxcast serve runs by the clock, and how it went", "查看 wxcast serve 的定时任务及结果"},
	"help.jobs.long": {`Show the jobs of the account that wxcast serve runs by the clock: when each comes next,
and their last runs.`,
		`查看 wxcast serve 为本账号运行的定时任务：各自下次何时运行，以及最近的运行记录。`},

	"help.join": {"Join followers to mini users by unionid, and show the coverage", "按 unionid 关联粉丝与小程序用户，并显示覆盖率"},
	"help.join.long": {`Bring the bridges between the account's followers and the mini program's users
up to date, and tell how many followers can be reached in the mini program, and
why the others cannot. A unionid that stands on two followers, or on two mini
users, joins nobody.`,
		`更新粉丝与小程序用户之间的关联，并说明有多少粉丝可在小程序中触达、其余为何不能。
同一个 unionid 出现在两位粉丝或两位小程序用户身上时，不关联任何人。`},

	"help.key": {"Make, list and revoke keys of the HTTP API", "创建、列出和吊销 HTTP API 密钥"},
	"help.key.long": {`Make, list and revoke keys of the HTTP API that wxcast serve answers under /api/v1.
A key opens one account, and what its scopes say:

  read     counts and states: broadcasts, reports, jobs, metrics
  send     make, preview, start, pause and end broadcasts
  people   persons: followers, deliveries, opt-outs
  sync     run jobs, import mini users
  token    the account's access token
  audit    who changed what
  events   what happened to whom, as it happens`,
		`创建、列出和吊销 HTTP API（wxcast serve 的 /api/v1）的密钥。一个密钥只对一个账号有效，
权限如下：

  read     数量与状态：群发、报告、任务、指标
  send     创建、预览、开始、暂停和结束群发
  people   个人数据：粉丝、投递、退订
  sync     运行任务、导入小程序用户
  token    账号的 access_token
  audit    审计日志
  events   实时事件（含个人 ID）`},
	"help.events": {"What happened, in order, as JSON Lines", "按顺序输出发生的事件（JSON Lines）"},
	"help.events.long": {`Write what happened, a JSON object a line, in the one order in which everybody is told:
outcomes and receipts, people who came and left, opt-outs, consents, states of broadcasts,
syncs and reports. A reader keeps the cursor of the last line that it has dealt with and
goes on with --after. Events are kept for retention.events (7 days).`,
		`按唯一的顺序写出发生的事，每行一个 JSON 对象：投递结果与回执、关注与取消关注、退订、订阅授权、
群发状态、同步与日报。读取方保存最后处理的 cursor，用 --after 继续。事件保留 retention.events
（7 天）。`},
	"help.goals":        {"What people did that you want them to do", "目标完成情况（转化）"},
	"help.goals.import": {"Read goals from a CSV: id, goal, and maybe amount, at, key", "从 CSV 导入目标：id、goal，可选 amount、at、key"},
	"help.goals.import.long": {`Read what people did from a CSV with the columns id (openid, unionid or mini_openid) and
goal, and maybe amount (12.50), at and key. The same key again counts once.`,
		`从 CSV 读取用户完成的目标，列为 id（openid、unionid 或小程序 openid）和 goal，可选 amount
（12.50）、at、key。相同的 key 只计一次。`},
	"help.visits":         {"Who came to the mini program by a message", "由消息到访小程序的人"},
	"help.visits.import":  {"Read visits from a CSV: mini_openid, wxv, and maybe at, scene", "从 CSV 导入到访：mini_openid、wxv，可选 at、scene"},
	"help.webhook":        {"Look after the systems that are told of events", "管理接收事件的系统（webhook）"},
	"help.webhook.list":   {"How the company's systems take the events", "查看各系统接收事件的情况"},
	"help.webhook.resume": {"Post events again to a system, from where it stopped or from behind a cursor", "从停止处或某游标之后重新推送事件"},
	"help.webhook.test":   {"Post an event of no meaning to a system", "向某系统推送一条测试事件"},
	"help.key.create":     {"Make a key, and print it this once", "创建密钥（只显示一次）"},
	"help.key.create.long": {`Make a key for one account and print it. It is shown this once: only a hash is kept.
Scopes are read, send, people, sync, token, audit and events; wxcast key --help says what
each opens.`,
		`为一个账号创建密钥并显示。只显示这一次：系统只保存其哈希。权限有 read、send、people、
sync、token、audit 和 events；各自的含义见 wxcast key --help。`},
	"help.key.list":   {"List the account's keys", "列出本账号的密钥"},
	"help.key.revoke": {"End a key at once", "立即吊销密钥"},

	"help.migrate": {"Bring the database's schema up to date", "升级数据库结构"},
	"help.migrate.long": {`Create the tables in a fresh database, or bring an older schema up to this
version. One process migrates at a time; a newer schema is left alone.

Other commands do it by themselves unless database.auto_migrate is false.

With --from, the SQLite store there is moved to the empty Postgres at
database.url: followers, bridges, broadcasts with every delivery, consents,
opt-outs, users, keys, the audit log. Every row is read again on both sides and
compared. Stop wxcast first. If it is interrupted, run it again: it goes on. The
SQLite store is closed afterwards, so that nothing is sent from both.`,
		`在新数据库中建表，或把旧结构升级到本版本。同一时间只有一个进程迁移；更新的结构不会被改动。

除非 database.auto_migrate 为 false，其他命令会自动完成此事。

使用 --from 时，把该 SQLite 数据库迁移到 database.url 指向的空 Postgres：粉丝、关联、
群发及每条投递、授权、退订、用户、密钥、审计日志。每一行都会在两边重新读取并比对。
请先停止 wxcast。中断后重新运行即可继续。完成后原 SQLite 数据库停用，以免两边同时发送。`},

	"help.backup": {"Copy a SQLite store to a file, while it is in use", "在使用中备份 SQLite 数据库到文件"},
	"help.backup.long": {`Copy a SQLite store to a file, as it is at one moment; "wxcast serve" goes on meanwhile.
The file is readable by its owner alone. To restore it: stop wxcast, put the file in the
place of the store, remove the files beside it that end in -wal and -shm, start wxcast. In the copy
the broadcasts that were at work are paused: nothing that was sent since is sent again
unasked. A Postgres store is copied by its own tools.`,
		`把 SQLite 数据库在某一时刻的状态备份到文件，期间 wxcast serve 照常运行。备份只有所有者可读。
恢复方法：停止 wxcast，用备份替换数据库文件，删除旁边以 -wal 和 -shm 结尾的文件，再启动。备份中
进行中的群发处于暂停状态，其后已发送的消息不会自动重发。Postgres 请用其自带工具备份。`},
	"help.tester": {"Keep the list of people to whose phones tests go", "管理测试人员名单"},
	"help.tester.long": {`Keep the list of people of your company to whose phones "broadcast test --to testers"
sends. An account has at most 20.`,
		`管理测试人员名单：broadcast test --to testers 会把测试发给他们。每个公众号最多 20 名。`},
	"help.tester.add":    {"Make testers of followers", "把粉丝加为测试人员"},
	"help.tester.list":   {"List the testers", "列出测试人员"},
	"help.tester.remove": {"Take people off the testers", "移除测试人员"},
	"help.tester.code":   {"Make a QR code that makes a tester of whoever scans it", "生成二维码，扫码者即成为测试人员"},
	"help.tester.code.long": {`Make a QR code that is good for ten minutes: whoever scans it in WeChat is a tester, and
follows the account, if they did not. WeChat tells of the scan by a callback, so "wxcast serve"
must hear the account's callbacks.`,
		`生成十分钟内有效的二维码：用微信扫码的人即成为测试人员，未关注者会同时关注。微信通过回调
告知扫码，因此 wxcast serve 须接收该公众号的回调。`},
	"help.optout": {"Keep the list of people who asked for no more messages", "管理退订名单"},
	"help.optout.long": {`Keep the list of people who asked for no more messages. It holds from the moment they
are on it, also for broadcasts that have begun: a message whose turn comes is skipped.`,
		`管理不愿再收消息的人的名单。加入后立即生效，对已开始的群发也有效：轮到时会跳过。`},
	"help.optout.add":    {"Put people on the list", "加入退订名单"},
	"help.optout.export": {"Write the list as CSV or JSON Lines", "导出退订名单（CSV 或 JSON Lines）"},
	"help.optout.import": {"Put everyone of a CSV on the list", "把 CSV 中的所有人加入名单"},
	"help.optout.import.long": {`Put everyone of a CSV on the opt-out list. One of its columns is called openid or
unionid. A file with a bad row is refused whole; ids that are no follower's are told.`,
		`把 CSV 中的所有人加入退订名单。其中一列名为 openid 或 unionid。只要有一行不合格就全部拒绝；
不属于任何粉丝的 id 会列出。`},
	"help.optout.remove": {"Take people off the list", "移出退订名单"},

	"help.report": {"Report a day: quotas, followers, bridges, broadcasts", "日报：配额、粉丝、关联、群发"},
	"help.report.long": {`Report one Beijing day: each API's quota and use, the followers and who came and
left, the coverage of the mini program, and each broadcast's deliveries. For today
WeChat is asked for the quotas first.`,
		`报告一个北京日：各接口的配额与用量、粉丝及增减、小程序覆盖率、各群发的投递情况。
查看当天时会先向微信查询配额。`},

	"help.serve": {"Run everything by itself: nightly sync, broadcasts, callbacks, reports", "自动运行一切：夜间同步、群发、回调、日报"},
	"help.serve.long": {`Stay and do what has to be done, for all configured accounts: sync and join every
night, send the broadcasts that were created or wait for quota, hear WeChat's
callbacks at /wechat/ACCOUNT, report in the morning. /healthz, /readyz and /metrics
tell how it is.

Several processes on one Postgres share the work: each job is run by one of them, each
broadcast by all. Ctrl-C stops within 10 seconds and loses nothing.`,
		`常驻运行，为所有已配置的账号完成该做的事：每夜同步并关联，发送已创建或等待配额的群发，
在 /wechat/账号名 接收微信回调，早晨出日报。/healthz、/readyz 和 /metrics 显示运行状况。

多个进程共用一个 Postgres 时分担工作：每个任务由其中一个运行，每个群发由全体分担。
Ctrl-C 在 10 秒内停止，不丢失任何东西。`},

	"help.sim": {"Run a simulator of WeChat's API", "运行微信接口模拟器"},
	"help.sim.long": {`Run a stateful, seeded simulator of WeChat's server API: one official account with
its followers, and a mini program. Any SDK can be pointed at it. It prints one line
of JSON with its address and credentials as soon as it listens.

Its control plane is at /_sim/: state, messages, knobs, followers, clock, tokens.`,
		`运行有状态、可复现的微信服务端接口模拟器：一个公众号及其粉丝，和一个小程序。任何 SDK 都可
指向它。开始监听后立即输出一行 JSON，含地址和凭证。

控制接口在 /_sim/：状态、消息、旋钮、粉丝、时钟、token。`},

	"help.permits": {"The consents of mini users to subscribe messages", "小程序用户的订阅授权"},
	"help.permits.long": {`A mini program may send one subscribe message for each consent that a person gave. wxcast
keeps them: it hears WeChat's events at /wechat/ACCOUNT/MINI_APPID, takes what the mini
program reports at POST /permits, and imports a ledger that you kept.`,
		`小程序每获得用户一次同意，可向其发送一条订阅消息。wxcast 记录这些授权：在
/wechat/账号/小程序appid 接收微信事件，在 POST /permits 接收小程序上报，也可导入已有的台账。`},
	"help.permits.status": {"How many people allow how many messages", "多少人授权了多少条消息"},
	"help.permits.status.long": {`Show, by template, how many people allow a message, and how many messages they allow.`,
		`按模板显示授权人数和授权条数。`},
	"help.permits.show": {"One mini user's consents", "某个小程序用户的授权"},
	"help.permits.show.long": {`Show a mini user's consents, the latest first: when it was given, who told of it, and how
many messages are left. Used ones are there for a week.`,
		`显示某个小程序用户的授权（最新的在前）：时间、来源和剩余条数。用完的保留一周。`},
	"help.permits.import": {"Import a ledger of consents", "导入授权台账"},
	"help.permits.import.long": {`Make a ledger that you kept the truth about the people and templates that it names: a CSV
file with the columns mini_openid, template_id and count. What it does not name stays. The
whole file is read before anything is changed; rows that are none are listed and left out.`,
		`以你保存的台账为准：CSV 文件，列为 mini_openid、template_id、count。未提及的人和模板
不变。先读完整个文件再更改；无效的行会列出并跳过。`},
	"help.permits.export": {"Export what people allow still", "导出剩余授权"},
	"help.permits.export.long": {`Write what each person allows still, by template, as wxcast permits import reads it.`,
		`按模板写出每人剩余的授权条数，格式与 wxcast permits import 相同。`},
	"help.sync": {"Bring the account's followers and their unionids into the database", "把粉丝及其 unionid 同步到数据库"},
	"help.sync.long": {`List every follower, and ask WeChat for the details of those that are new, came
back, or had no unionid. Followers that are missing from the complete list are
asked for once more and then marked as gone, never more than
sync.max_unfollow_share of all.

A sync that was stopped goes on where it was. Meant to run every night.`,
		`列出全部粉丝，并向微信查询新增、重新关注和此前没有 unionid 的粉丝的详情。完整列表中缺少的
粉丝会再确认一次后标记为已取关，且不超过总数的 sync.max_unfollow_share。

中断的同步会从原处继续。适合每夜运行。`},
	"help.sync.status": {"Show the last syncs", "查看最近的同步"},
	"help.health":      {"Tell whether the wxcast serve of this machine is ready", "检查本机的 wxcast serve 是否就绪"},
	"help.version":     {"Show the version", "显示版本"},
	"help.help":        {"Help about any command", "查看命令的帮助"},
	"help.completion":  {"Generate the autocompletion script for the specified shell", "生成指定 shell 的自动补全脚本"},
})
