package text

// What single messages and presets say.
var _ = add(map[string]words{
	"events.no_cursor":           {"{value} is no cursor", "{value} 不是游标"},
	"events.want_cursor":         {"use the cursor of an event that you have seen, or none", "请使用已收到事件的 cursor，或不指定"},
	"events.no_type":             {"there are no events of the type {value:quote}", "没有类型为 {value:quote} 的事件"},
	"events.gone":                {"the events after {after} are not kept any more; the first that are come after {first}", "{after} 之后的事件已不再保留；现存的第一条在 {first} 之后"},
	"events.ahead":               {"there is no event {after} yet: the last is {last}; was the database restored?", "尚无事件 {after}：最后一条是 {last}；数据库是否被恢复过？"},
	"message.none":               {"there is no message {id}", "没有编号为 {id} 的消息"},
	"message.not_an_id":          {"{value} is no ID of a message", "{value} 不是消息编号"},
	"message.leaving":            {"message {id} may be on its way already", "消息 {id} 可能已在发送途中"},
	"message.over":               {"message {id} is {state} already", "消息 {id} 的状态已是“{state}”"},
	"message.other_content":      {"the key {key} stands for message {id}, which has another content", "键 {key} 已用于消息 {id}，其内容不同"},
	"message.stands_still":       {"message {id} is not sent yet: broadcast {broadcast}, which holds it, is {state}: {reason}", "消息 {id} 尚未发送：所属的群发 {broadcast} 状态为“{state}”：{reason}"},
	"message.no_id":              {"is no id of WeChat's", "不是微信的 ID"},
	"message.want_to":            {"give an openid, a unionid or a mini_openid", "请给出 openid、unionid 或小程序 openid"},
	"message.preset_or_spec":     {"one of preset and spec says what to send", "preset 与 spec 二者必须且只能给出一个"},
	"message.want_one":           {"give one of them", "请给出其中一个"},
	"message.no_key":             {"is no key", "不是有效的键"},
	"message.want_key":           {"use up to {most} letters, digits and signs, without blanks", "请使用不超过 {most} 个字母、数字和符号，不含空格"},
	"message.far_ahead":          {"{value} is too far ahead", "{value} 太远"},
	"message.want_a_year":        {"use a time within a year", "请使用一年以内的时间"},
	"message.expires_first":      {"{value} is over before the message leaves", "消息发送时 {value} 已过"},
	"message.want_expires_later": {"use a later time, or none", "请使用更晚的时间，或不指定"},
	"message.nobody":             {"nobody in the database has the id {id}", "数据库中没有 ID 为 {id} 的人"},
	"message.want_somebody":      {"give the id of a follower or a mini user of this account; a sync, a login or an import brings new ones", "请给出本账号粉丝或小程序用户的 ID；同步、登录或导入会带入新的人"},
	"message.no_files":           {"a file cannot be sent with this", "此处不能附带文件"},
	"message.want_media":         {"use media_id, or send the spec's file with wxcast send", "请使用 media_id，或用 wxcast send 发送规格文件"},
	"message.many_kinds":         {"there are {n} different specs of messages today already", "今天已有 {n} 种不同的消息规格"},
	"message.want_vars":          {"put what differs into vars, or use a preset", "请把不同的部分放进 vars，或使用预设"},
	"message.long_vars":          {"a message's own texts are {n} KiB", "消息自带的文本共 {n} KiB"},
	"message.want_short_vars":    {"use {most} KiB at most", "最多 {most} KiB"},
	"message.many_lines":         {"there are more than {most} lines", "超过 {most} 行"},
	"message.long_line":          {"the line is longer than {most} KiB", "该行超过 {most} KiB"},
	"message.no_line":            {"the line is no request: {why}", "该行不是有效的请求：{why}"},

	"preset.none":      {"there is no preset {name}", "没有名为 {name} 的预设"},
	"preset.none/cli":  {"wxcast preset list shows them; a file ends in .yaml", "用 wxcast preset list 查看；文件名须以 .yaml 结尾"},
	"preset.put":       {"preset {name}, version {version}", "预设 {name}，版本 {version}"},
	"preset.as_before": {"preset {name} is as before: version {version}", "预设 {name} 未变：版本 {version}"},
	"preset.none_yet":  {"there is no preset yet", "还没有预设"},
	"preset.removed":   {"preset {name} is removed; what was asked for by it goes on", "预设 {name} 已删除；已提交的消息照常发送"},

	"broadcast.of_messages": {"broadcast {id} ({name}) holds single messages: pause it, or cancel its messages one by one", "群发 {id}（{name}）承载单条消息：可以暂停，或逐条取消其消息"},

	"send.message":         {"message {id} to {recipient}: {state} ({channel})", "消息 {id} 发给 {recipient}：{state}（{channel}）"},
	"send.pending":         {"it leaves at {at} (Beijing); wxcast serve sends it", "将于 {at}（北京时间）发出；由 wxcast serve 发送"},
	"send.errcode":         {"{code}: {why}", "{code}：{why}"},
	"send.not_sent":        {"message {id} was not sent: it is {state}", "消息 {id} 未发送：状态为“{state}”"},
	"send.wait_and_at":     {"--wait and --at don't go together", "--wait 与 --at 不能同时使用"},
	"send.want_wait_or_at": {"wait for a message that leaves now, or let wxcast serve send it later", "只能等待立即发送的消息，或由 wxcast serve 稍后发送"},
	"send.want_spec":       {"name a YAML file that exists, or a preset", "请指定一个存在的 YAML 文件，或一个预设"},
	"send.want_vars":       {"give a JSON object of texts and numbers", "请给出由文本和数字组成的 JSON 对象"},
	"send.no_json":         {"is no JSON object: {why}", "不是 JSON 对象：{why}"},

	"col.version": {"VERSION", "版本"},

	"help.send": {"Send a message to one person", "给一个人发送消息"},
	"help.send.long": {`Send a message to one person: by a spec, or by a preset and its variables. The person is an
openid, a unionid or a mini_openid. The values are held against the real template before the
message is stored; then wxcast serve sends it once, before all broadcasts, or with --wait this
command does. The same --key with the same content is the same message, for 7 days.`,
		`给一个人发送消息：用规格文件，或用预设加变量。接收人可以是 openid、unionid 或小程序
openid。消息入库前先用真实模板校验其值；随后由 wxcast serve 发送一次，优先于所有群发；加
--wait 则由本命令发送。7 天内，相同的 --key 加相同的内容就是同一条消息。`},
	"help.message":             {"What became of a single message, and to cancel it", "查看或取消单条消息"},
	"help.message.long":        {`Messages that wxcast send or the API has stored, by their IDs.`, `由 wxcast send 或 API 提交的消息，按编号操作。`},
	"help.message.show":        {"Show a message, and what became of it", "显示消息及其结果"},
	"help.message.show.long":   {`Show a message: its state, the channel, the person, and WeChat's errcode.`, `显示消息的状态、渠道、接收人和微信错误码。`},
	"help.message.cancel":      {"Cancel a message that has not left", "取消尚未发出的消息"},
	"help.message.cancel.long": {`Cancel a message that has not left. One that may be on its way is not cancelled.`, `取消尚未发出的消息；可能已在发送途中的不能取消。`},

	"help.preset": {"Stored specs of single messages", "单条消息的预设"},
	"help.preset.long": {`A preset is a stored spec that messages name. Each change is a new version; a message says
which one it used.`,
		`预设是已保存、供消息引用的规格。每次更改都是新版本；消息会记录它用的是哪个版本。`},
	"help.preset.put": {"Store a spec as a preset", "把规格保存为预设"},
	"help.preset.put.long": {`Store a spec of single messages as a new version of a preset, after holding it against the
real templates. It is called as its name says, or else its file.`, `用真实模板校验后，把单条消息的规格保存为预设的新版本。名称取自其 name，否则取自文件名。`},
	"help.preset.list":        {"List the presets", "列出预设"},
	"help.preset.list.long":   {`List the presets, each in its latest version.`, `列出预设及其最新版本。`},
	"help.preset.show":        {"Show a preset's spec", "显示预设的规格"},
	"help.preset.show.long":   {`Show the spec of a preset, in its latest version or another.`, `显示预设的规格：最新版本或指定版本。`},
	"help.preset.remove":      {"Remove a preset", "删除预设"},
	"help.preset.remove.long": {`Remove a preset. Messages that were asked for by it go on; its versions are kept for them.`, `删除预设。已提交的消息照常发送，并保留其版本。`},

	"flag.send.to":             {"the person: openid, unionid or mini_openid", "接收人：openid、unionid 或小程序 openid"},
	"flag.send.var":            {"a variable, `NAME=VALUE`; may be given several times", "变量 `名称=值`，可多次给出"},
	"flag.send.vars":           {"`FILE` with the variables as a JSON object", "以 JSON 对象给出变量的 `文件`"},
	"flag.send.at":             {"Beijing `TIME` at which it leaves", "发出的北京`时间`"},
	"flag.send.expires":        {"`TIME` after which it is of no use, and does not leave", "过期`时间`，此后不再发送"},
	"flag.send.key":            {"your own name of the message: the same again is the same message", "你自定义的`键`：再次使用即同一条消息"},
	"flag.send.wait":           {"send it in this process, and wait for what becomes of it", "由本进程发送，并等待结果"},
	"flag.preset.put.name":     {"`NAME` of the preset", "预设`名称`"},
	"flag.preset.show.version": {"this version (default the latest)", "指定版本（默认最新）"},
})
