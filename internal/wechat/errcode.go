package wechat

import "slices"

// Fault says who can mend what an errcode complains of.
type Fault string

// Whose fault an errcode is.
const (
	FaultPlatform  Fault = "platform"  // WeChat is busy or limits us
	FaultConfig    Fault = "config"    // the account or its configuration
	FaultMessage   Fault = "message"   // the text of the message
	FaultRecipient Fault = "recipient" // this person cannot be reached
	FaultCaller    Fault = "caller"    // the program that made the call
)

// Text is a sentence in both languages: a wxcast.Localized.
type Text struct{ EN, ZH string }

// In is the sentence in a language.
func (t Text) In(language string) string {
	if language == "zh" {
		return t.ZH
	}
	return t.EN
}

// ErrCode is what is known of one of WeChat's error codes.
type ErrCode struct {
	Code    int
	Class   Class
	Fault   Fault
	Meaning Text
	Advice  Text // what a person should do
}

// ClassOfCode is the class of an errcode. A code that is not known is
// ClassMsgBad: WeChat adds undocumented ones, and if they hit every message the
// broadcast's brake stops it.
func ClassOfCode(code int) Class {
	if code == 0 {
		return ClassOK
	}
	if e, ok := Explain(code); ok {
		return e.Class
	}
	return ClassMsgBad
}

// Explain looks up an errcode; false means that it is not in the table.
func Explain(code int) (ErrCode, bool) {
	i, ok := slices.BinarySearchFunc(ErrCodes, code, func(e ErrCode, code int) int { return e.Code - code })
	if !ok {
		return ErrCode{}, false
	}
	return ErrCodes[i], true
}

// Action is what wxcast does by itself when a call ends with this class.
func (c Class) Action() Text {
	switch c {
	case ClassOK:
		return Text{"Counts the message as sent: WeChat accepted it.", "计为已发送：微信已受理。"}
	case ClassRetryNow:
		return Text{"Tries once more after about a second, with the same client_msg_id.", "约一秒后用同一个 client_msg_id 再试一次。"}
	case ClassRetryLater:
		return Text{"Backs off and tries again, with the same client_msg_id; the other messages go on.", "退避后用同一个 client_msg_id 重试，其他消息照常发送。"}
	case ClassToken:
		return Text{"Takes the newest token from the shared cache, or fetches one, and repeats the call once.", "从共享缓存取最新 access_token（没有则重新获取），并重试一次。"}
	case ClassQuotaStop:
		return Text{"Stops sending; the rest waits for the next Beijing day.", "停止发送，剩余消息等到下一个北京日。"}
	case ClassDead:
		return Text{"Counts this message as failed and goes on with the others.", "此条计为失败，继续发送其他消息。"}
	case ClassConfigStop:
		return Text{"Stops at once, so that nothing more is lost; run it again when this is mended.", "立即停止，避免更多损失；修复后重新运行即可继续。"}
	case ClassMsgBad:
		return Text{"Counts this message as failed; when many in a row fail it pauses the broadcast.", "此条计为失败；连续失败过多时自动暂停群发。"}
	case ClassHeld:
		return Text{"Counts it as unknown and never sends it again: WeChat decides by itself.", "计为“未知”且绝不重发：由微信自行决定是否下发。"}
	}
	return Text{}
}

// ErrCodes is the table, by code. Sources: the pages and reports listed in
// docs/wechat.md, read 2026-11-20; the classes are our judgement.
var ErrCodes = []ErrCode{
	{-1, ClassRetryLater, FaultPlatform, Text{"WeChat is busy; whether the call took effect is not known", "微信系统繁忙，不确定本次调用是否生效"}, Text{"Nothing. If it goes on for minutes, lower the rate.", "无需处理；若持续数分钟，请降低发送速率。"}},
	{40001, ClassToken, FaultConfig, Text{"the access token is wrong, or another program has fetched a newer one; at the token call, the AppSecret is wrong", "access_token 无效，或已被其他程序刷新；若出现在获取 token 时则是 AppSecret 错误"}, Text{"Make every program use stable_token, or let all take the token from one place. If a fresh token is refused, check appid and secret.", "让所有程序都使用 stable_token，或统一从一处获取；若新 token 仍被拒绝，请核对 appid 与 secret。"}},
	{40002, ClassConfigStop, FaultCaller, Text{"the grant_type is wrong", "grant_type 不正确"}, Text{"Report it: wxcast sends the right one.", "请反馈：wxcast 发送的值是正确的。"}},
	{40003, ClassDead, FaultRecipient, Text{"this openid does not belong to this account", "openid 不属于该公众号或小程序"}, Text{"Check that the openids come from this account: an official account and a mini program know a person by different ones.", "确认 openid 来自本账号：同一用户在公众号与小程序中的 openid 不同，不能混用。"}},
	{40004, ClassConfigStop, FaultCaller, Text{"the type of the media is wrong", "媒体文件类型不合法"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{40005, ClassConfigStop, FaultConfig, Text{"the picture is of a kind that WeChat does not take", "图片文件格式不受支持"}, Text{"Use a jpg or png.", "请使用 jpg 或 png 图片。"}},
	{40006, ClassConfigStop, FaultConfig, Text{"the picture is too large", "图片文件过大"}, Text{"Make it smaller than 10 MB.", "请压缩到 10 MB 以下。"}},
	{40007, ClassConfigStop, FaultConfig, Text{"the media id of the card's picture is wrong or has expired", "卡片图片的 media_id 无效或已过期"}, Text{"Nothing once: wxcast uploads the picture again, as it lives 3 days. If it goes on, check the card's picture.", "偶发无需处理：图片有效期 3 天，wxcast 会重新上传；若持续出现，请检查卡片图片。"}},
	{40008, ClassConfigStop, FaultCaller, Text{"the message type is wrong", "消息类型不合法"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{40009, ClassConfigStop, FaultConfig, Text{"the picture is too large", "图片文件过大"}, Text{"Make it smaller than 10 MB.", "请压缩到 10 MB 以下。"}},
	{40013, ClassConfigStop, FaultConfig, Text{"the appid is wrong; when sending, the mini program is not linked to the account", "appid 不合法；发送时通常表示小程序未与公众号关联"}, Text{"Check the appid, and link the mini program in the console: 小程序管理 → 关联小程序.", "核对 appid，并在公众平台“小程序管理”里关联该小程序。"}},
	{40014, ClassToken, FaultConfig, Text{"the access token is malformed", "access_token 不合法"}, Text{"Nothing, unless it goes on: then check who writes the shared token.", "无需处理；若持续出现，检查是谁写入了共享 token。"}},
	{40029, ClassMsgBad, FaultCaller, Text{"the login code is wrong, older than 5 minutes, or of another app", "登录 code 无效、已过期（5 分钟）或属于其他小程序"}, Text{"Let the mini program call wx.login again.", "让小程序重新调用 wx.login。"}},
	{40031, ClassConfigStop, FaultCaller, Text{"the list of openids is wrong", "openid 列表不合法"}, Text{"Nothing: wxcast splits the list.", "无需处理：wxcast 会拆分列表重试。"}},
	{40032, ClassConfigStop, FaultCaller, Text{"the list of openids is empty or too long", "openid 列表长度不合法"}, Text{"Nothing: wxcast splits the list.", "无需处理：wxcast 会拆分列表重试。"}},
	{40033, ClassConfigStop, FaultCaller, Text{"the body holds \\u escapes", "请求包含 \\uXXXX 转义字符"}, Text{"Report it: wxcast sends UTF-8.", "请反馈：wxcast 发送的是 UTF-8。"}},
	{40036, ClassConfigStop, FaultConfig, Text{"the template id has a wrong length", "template_id 长度不正确"}, Text{"Copy the template id from the console: 模板消息 → 我的模板.", "从公众平台“模板消息 → 我的模板”复制模板 ID。"}},
	{40037, ClassConfigStop, FaultConfig, Text{"the account has no such template", "该账号没有此模板"}, Text{"Copy the template id from the console: 模板消息 → 我的模板; of subscribe messages: 订阅消息 → 我的模板.", "从公众平台“模板消息 → 我的模板”复制模板 ID；订阅消息则在“订阅消息 → 我的模板”。"}},
	{40039, ClassMsgBad, FaultMessage, Text{"the url is too long", "url 长度超限"}, Text{"Shorten the url.", "缩短 url。"}},
	{40125, ClassConfigStop, FaultConfig, Text{"the AppSecret is wrong", "AppSecret 错误"}, Text{"Copy the AppSecret from the console: 微信开发者平台 → 我的业务 → 服务号 → 基础信息-开发密钥. It may have been reset.", "从“微信开发者平台 → 我的业务 → 服务号 → 基础信息-开发密钥”核对 AppSecret，可能已被重置。"}},
	{40163, ClassMsgBad, FaultCaller, Text{"the login code was used before", "登录 code 已被使用"}, Text{"Let the mini program call wx.login again.", "让小程序重新调用 wx.login。"}},
	{40164, ClassConfigStop, FaultConfig, Text{"this machine's IP is not on the account's whitelist", "调用 IP 不在白名单中"}, Text{"Add the IP that the message names in the console: 微信开发者平台 → 我的业务 → 服务号 → 基础信息-开发密钥 → IP白名单. It takes up to 10 minutes to act; wxcast goes on by itself. Every call is checked, so list each machine that runs wxcast.", "把错误信息中的 IP 加入“微信开发者平台 → 我的业务 → 服务号 → 基础信息-开发密钥 → IP白名单”，最长约 10 分钟生效，之后 wxcast 自动继续。每次调用都会校验，请加入运行 wxcast 的每台机器。"}},
	{40165, ClassConfigStop, FaultConfig, Text{"the mini program's page path is not in its released version", "小程序 pagepath 不存在于已发布版本"}, Text{"Check the mini program's page in the spec: no leading slash, and the page must be released.", "检查 spec 里的小程序页面路径：不要以 / 开头，且页面已发布。"}},
	{40166, ClassConfigStop, FaultConfig, Text{"the mini program's appid is wrong", "小程序 appid 不合法"}, Text{"Check the mini program's appid.", "核对小程序 appid。"}},
	{40226, ClassMsgBad, FaultRecipient, Text{"WeChat takes this user for high-risk and refuses the login", "高风险用户，登录被拦截"}, Text{"Refuse the login; do not try again.", "拒绝登录，不要重试。"}},
	{40241, ClassRetryLater, FaultPlatform, Text{"the same message went to this person within 60 seconds", "60 秒内向同一用户发送了重复消息"}, Text{"Nothing. If an earlier attempt was open, it counts as accepted.", "无需处理；若之前的尝试结果未知，则视为已受理。"}},
	{40242, ClassMsgBad, FaultConfig, Text{"the login code belongs to another app", "登录 code 属于其他应用"}, Text{"Check the mini program's appid.", "核对小程序 appid。"}},
	{40243, ClassConfigStop, FaultConfig, Text{"the AppSecret is frozen", "AppSecret 已被冻结"}, Text{"Unfreeze it in the console: 微信开发者平台 → 我的业务 → 服务号 → 基础信息-开发密钥. It acts within 10 minutes.", "在“微信开发者平台 → 我的业务 → 服务号 → 基础信息-开发密钥”解冻 AppSecret。"}},
	{40249, ClassMsgBad, FaultMessage, Text{"the content was blocked as marketing or illegal", "模板消息内容违规被拦截"}, Text{"Change the text: template messages are for services that the person asked for.", "修改内容：模板消息仅限用户主动触发的服务通知，不可营销。"}},
	{40252, ClassHeld, FaultPlatform, Text{"the message is held for review; if it passes, WeChat delivers it by itself, mostly within 30 minutes", "消息进入平台审核，通过后由平台自行下发，一般 30 分钟内"}, Text{"Do not send it again.", "切勿重发。"}},
	{41001, ClassConfigStop, FaultCaller, Text{"the access token is missing", "缺少 access_token"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{41002, ClassConfigStop, FaultConfig, Text{"the appid is missing", "缺少 appid"}, Text{"Set the appid.", "请配置 appid。"}},
	{41003, ClassConfigStop, FaultCaller, Text{"the refresh_token is missing", "缺少 refresh_token"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{41004, ClassConfigStop, FaultConfig, Text{"the secret is missing", "缺少 secret"}, Text{"Set the secret.", "请配置 secret。"}},
	{41005, ClassConfigStop, FaultCaller, Text{"media data is missing", "缺少多媒体文件数据"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{41006, ClassConfigStop, FaultCaller, Text{"the media_id is missing", "缺少 media_id"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{41008, ClassMsgBad, FaultCaller, Text{"the login code is missing", "缺少登录 code"}, Text{"Send the code that wx.login gave.", "请传入 wx.login 返回的 code。"}},
	{41009, ClassMsgBad, FaultCaller, Text{"the openid is missing", "缺少 openid"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{41028, ClassDead, FaultRecipient, Text{"the form_id is wrong or has expired", "form_id 无效或已过期"}, Text{"form_id messages ended in 2020; use template or subscribe messages.", "form_id 已于 2020 年下线，请使用模板消息或订阅消息。"}},
	{41029, ClassDead, FaultRecipient, Text{"the form_id is used up", "form_id 已被使用"}, Text{"form_id messages ended in 2020; use template or subscribe messages.", "form_id 已于 2020 年下线，请使用模板消息或订阅消息。"}},
	{41030, ClassConfigStop, FaultConfig, Text{"the mini program's page is wrong", "page 路径不正确"}, Text{"Use a page of the released version, without a leading slash.", "使用已发布版本的页面路径，且不要以 / 开头。"}},
	{41031, ClassConfigStop, FaultConfig, Text{"form_id messages are blocked for this app", "form_id 消息能力被封禁"}, Text{"form_id messages ended in 2020.", "form_id 已于 2020 年下线。"}},
	{41032, ClassConfigStop, FaultConfig, Text{"form_id messages are blocked for this app", "form_id 消息能力被封禁"}, Text{"form_id messages ended in 2020.", "form_id 已于 2020 年下线。"}},
	{41033, ClassConfigStop, FaultConfig, Text{"form_id messages are blocked for this app", "form_id 消息能力被封禁"}, Text{"form_id messages ended in 2020.", "form_id 已于 2020 年下线。"}},
	{41034, ClassConfigStop, FaultConfig, Text{"form_id messages are blocked for this app", "form_id 消息能力被封禁"}, Text{"form_id messages ended in 2020.", "form_id 已于 2020 年下线。"}},
	{41035, ClassConfigStop, FaultConfig, Text{"form_id messages are blocked for this app", "form_id 消息能力被封禁"}, Text{"form_id messages ended in 2020.", "form_id 已于 2020 年下线。"}},
	{42001, ClassToken, FaultConfig, Text{"the access token has expired", "access_token 已过期"}, Text{"Nothing: wxcast renews it.", "无需处理：wxcast 会自动刷新。"}},
	{43002, ClassConfigStop, FaultCaller, Text{"the call must be a POST", "需要 POST 请求"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{43003, ClassConfigStop, FaultConfig, Text{"the call must use HTTPS", "需要 HTTPS 请求"}, Text{"Write https:// in api_base.", "api_base 请使用 https://。"}},
	{43004, ClassDead, FaultRecipient, Text{"the person does not follow the account", "用户未关注公众号"}, Text{"Nothing. Run wxcast sync if there are many.", "无需处理；若数量较多，请先执行 wxcast sync。"}},
	{43006, ClassDead, FaultRecipient, Text{"the person has blocked the account", "用户已拉黑公众号"}, Text{"Nothing.", "无需处理。"}},
	{43019, ClassDead, FaultRecipient, Text{"the person is on the account's blacklist", "用户在公众号黑名单中"}, Text{"Nothing, or take the person off the blacklist.", "无需处理，或将其移出黑名单。"}},
	{43100, ClassRetryLater, FaultConfig, Text{"templates were changed too often", "修改模板过于频繁"}, Text{"Wait before changing templates again.", "稍后再修改模板。"}},
	{43101, ClassDead, FaultRecipient, Text{"the person has no permit for this subscribe message", "用户未订阅或拒收该订阅消息"}, Text{"Ask for a permit in the mini program: wx.requestSubscribeMessage. If many get it at once, it may be WeChat that slows the account down: wait some hours.", "在小程序中通过 wx.requestSubscribeMessage 重新获取授权；若短时间内大量出现，可能是平台限流，请等数小时再试。"}},
	{43102, ClassConfigStop, FaultConfig, Text{"the template is no subscribe template", "模板不是订阅消息模板"}, Text{"Use a subscribe template.", "请使用订阅消息模板。"}},
	{43103, ClassConfigStop, FaultConfig, Text{"the template can only be cancelled", "模板仅可取消订阅"}, Text{"Use another template.", "请更换模板。"}},
	{43104, ClassConfigStop, FaultConfig, Text{"the account may not use this template", "没有使用该模板的权限"}, Text{"Use another template.", "请更换模板。"}},
	{43106, ClassConfigStop, FaultConfig, Text{"adding templates is blocked as a penalty", "添加模板能力被处罚"}, Text{"See the console's notices.", "查看公众平台站内通知。"}},
	{43107, ClassConfigStop, FaultConfig, Text{"subscribe messages or this template are banned", "订阅消息能力或该模板被封禁"}, Text{"See the console's notices.", "查看公众平台站内通知。"}},
	{43108, ClassRetryLater, FaultRecipient, Text{"two messages went to one openid at once", "对同一 openid 并发调用"}, Text{"Nothing, unless another program sends to the same people: then let one of them wait.", "无需处理；若有其他程序同时向同一批用户发送，请错开时间。"}},
	{43116, ClassConfigStop, FaultConfig, Text{"this template is banned", "该模板已被封禁"}, Text{"Use another template, and see the console's notices.", "更换模板，并查看公众平台站内通知。"}},
	{43117, ClassRetryLater, FaultRecipient, Text{"this person got messages too often", "向该用户发送过于频繁"}, Text{"Send less often to the same people.", "降低对同一用户的发送频率。"}},
	{44002, ClassConfigStop, FaultCaller, Text{"the POST body is empty", "POST 数据为空"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{44003, ClassConfigStop, FaultCaller, Text{"the article is empty", "图文消息内容为空"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{44004, ClassMsgBad, FaultMessage, Text{"the text is empty", "文本消息内容为空"}, Text{"Write a text.", "填写消息内容。"}},
	{44990, ClassRetryLater, FaultPlatform, Text{"too many calls in a second", "每秒调用超限"}, Text{"Lower the rate.", "降低速率。"}},
	{44991, ClassRetryLater, FaultPlatform, Text{"too many calls in a minute", "每分钟调用超限"}, Text{"Lower the rate.", "降低速率。"}},
	{44993, ClassQuotaStop, FaultPlatform, Text{"too many calls today", "每日调用超限"}, Text{"Wait for the next Beijing day.", "等到下一个北京日。"}},
	{45009, ClassQuotaStop, FaultPlatform, Text{"the day's quota of this API is used up", "接口当日调用额度已用完"}, Text{"Run the same command again tomorrow, or clear the quota in the console (10 times a month).", "明天重新运行同一命令，或在公众平台清零额度（每月 10 次）。"}},
	{45011, ClassRetryLater, FaultPlatform, Text{"too many calls in a minute", "每分钟调用超限"}, Text{"Nothing; lower the rate if it goes on.", "无需处理；若持续出现，请降低速率。"}},
	{45015, ClassDead, FaultRecipient, Text{"the time in which this person may get customer-service messages is over, or they left", "已超出可发客服消息的时限，或用户已取消关注"}, Text{"Nothing: it opens again when they write to the account, for 48 hours.", "无需处理：用户再次给公众号发消息后，48 小时内可发。"}},
	{45028, ClassQuotaStop, FaultPlatform, Text{"the month's mass messages are used up", "本月群发次数已用完"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45033, ClassRetryLater, FaultPlatform, Text{"too many calls at once", "接口并发调用超限"}, Text{"Nothing; lower the rate if it goes on.", "无需处理；若持续出现，请降低速率。"}},
	{45035, ClassConfigStop, FaultConfig, Text{"this machine's IP is not on the account's whitelist", "调用 IP 不在白名单中"}, Text{"As for 40164: add the IP in the console under 基础信息-开发密钥 → IP白名单.", "同 40164：在“基础信息-开发密钥 → IP白名单”中加入该 IP。"}},
	{45040, ClassQuotaStop, FaultPlatform, Text{"the month's mass messages are used up", "本月群发次数已用完"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45047, ClassDead, FaultRecipient, Text{"this person has had as many customer-service messages as they may get for now", "对该用户的客服消息条数已达上限"}, Text{"Nothing: they may get more when they write to the account again.", "无需处理：用户再次给公众号发消息后可继续发送。"}},
	{45050, ClassConfigStop, FaultConfig, Text{"the message's content is not allowed", "消息内容不合法"}, Text{"Check the card or the text of the spec.", "检查 spec 中的卡片或文本内容。"}},
	{45052, ClassConfigStop, FaultCaller, Text{"the type of the mass message is wrong", "群发消息类型不合法"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45063, ClassConfigStop, FaultConfig, Text{"the access token is not of a mini program", "access_token 不属于小程序"}, Text{"Check the mini program's appid and secret: subscribe messages go by the mini program's token.", "核对小程序的 appid 与 secret：订阅消息须使用小程序的 access_token。"}},
	{45065, ClassHeld, FaultCaller, Text{"a mass message with this clientmsgid was accepted before", "相同 clientmsgid 的群发此前已受理"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45066, ClassRetryLater, FaultCaller, Text{"a mass message with this clientmsgid came too fast", "相同 clientmsgid 重试过快"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45067, ClassConfigStop, FaultCaller, Text{"the clientmsgid is too long", "clientmsgid 过长"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45086, ClassConfigStop, FaultConfig, Text{"a link into the mini program names the wrong one", "文本中 data-miniprogram 属性不正确"}, Text{"Check data-miniprogram-appid and data-miniprogram-path in the text: the mini program must be linked to the account.", "检查文本里的 data-miniprogram-appid 与 data-miniprogram-path：小程序须已与公众号关联。"}},
	{45087, ClassConfigStop, FaultConfig, Text{"customer-service messages of this account are blocked", "该账号的客服消息能力已被封禁"}, Text{"See the console's notices.", "查看公众平台站内通知。"}},
	{45093, ClassQuotaStop, FaultPlatform, Text{"no quota is left for this message", "消息发送额度已用完"}, Text{"Run the same command again tomorrow.", "明天重新运行同一命令。"}},
	{45094, ClassConfigStop, FaultConfig, Text{"customer-service messages are forbidden to this account as a punishment", "该账号因违规被禁止发送客服消息"}, Text{"See the console's notices.", "查看公众平台站内通知。"}},
	{45102, ClassQuotaStop, FaultPlatform, Text{"the API is blocked for a time", "接口被临时限制"}, Text{"See the console's notices, and try again tomorrow.", "查看公众平台通知，明天再试。"}},
	{45103, ClassConfigStop, FaultConfig, Text{"the API is not supported for this token; for subscription notices: it is the token of a mini program", "该 access_token 不支持此接口；发送订阅通知时通常表示误用了小程序的 access_token"}, Text{"Check that appid and secret are the official account's. If they are, update wxcast.", "核对 appid 与 secret 是否属于公众号；若无误，请升级 wxcast。"}},
	{45109, ClassConfigStop, FaultCaller, Text{"the API was withdrawn", "接口已下线"}, Text{"Update wxcast.", "请升级 wxcast。"}},
	{45162, ClassConfigStop, FaultConfig, Text{"the content of the message is wrong", "消息内容不正确"}, Text{"Check the card or the text of the spec.", "检查 spec 中的卡片或文本内容。"}},
	{45166, ClassConfigStop, FaultConfig, Text{"the article's content is wrong", "图文内容不正确"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{45168, ClassMsgBad, FaultMessage, Text{"the message holds sensitive words", "消息包含敏感词"}, Text{"Change the text.", "修改内容。"}},
	{45501, ClassQuotaStop, FaultPlatform, Text{"the app's calls are blocked for a time", "该应用的调用被临时限制"}, Text{"See the console's notices, and try again tomorrow.", "查看公众平台通知，明天再试。"}},
	{46101, ClassConfigStop, FaultCaller, Text{"form_id messages were withdrawn on 2020-01-11", "form_id 模板消息已于 2020-01-11 下线"}, Text{"Use template or subscribe messages.", "请使用模板消息或订阅消息。"}},
	{47001, ClassConfigStop, FaultCaller, Text{"the body is not valid JSON", "请求体不是合法 JSON"}, Text{"Report it, with the rid.", "请附上 rid 反馈。"}},
	{47002, ClassConfigStop, FaultCaller, Text{"the body holds \\u escapes", "请求包含 \\uXXXX 转义字符"}, Text{"Report it: wxcast sends UTF-8.", "请反馈：wxcast 发送的是 UTF-8。"}},
	{47003, ClassMsgBad, FaultMessage, Text{"a value breaks the rule of its key, for example more than 20 characters in a thing", "模板参数不符合要求，例如 thing 超过 20 个字符"}, Text{"Mend the value of the key that the message names.", "修改错误信息中指出的字段。"}},
	{48001, ClassConfigStop, FaultConfig, Text{"the account may not use this API", "公众号没有该接口权限"}, Text{"Template messages need a certified service account (认证服务号).", "模板消息需要已认证的服务号。"}},
	{48002, ClassDead, FaultRecipient, Text{"the person switched off messages from the account", "用户关闭了消息接收"}, Text{"Nothing.", "无需处理。"}},
	{48003, ClassConfigStop, FaultConfig, Text{"nobody has accepted the terms of mass messages", "尚未同意群发协议"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{48004, ClassConfigStop, FaultConfig, Text{"the API is banned for this account", "接口因违规被封禁"}, Text{"See mp.weixin.qq.com for the reason.", "登录公众平台查看详情。"}},
	{48006, ClassConfigStop, FaultConfig, Text{"this month's quota clears are used up", "本月清零次数已用完"}, Text{"Wait for the next day's quota.", "等待次日额度恢复。"}},
	{48008, ClassConfigStop, FaultConfig, Text{"the account may not send this type of message", "没有该类型消息的发送权限"}, Text{"Use a certified service account.", "请使用已认证的服务号。"}},
	{48009, ClassConfigStop, FaultCaller, Text{"the API has expired", "接口已失效"}, Text{"Update wxcast.", "请升级 wxcast。"}},
	{48011, ClassConfigStop, FaultConfig, Text{"the template id is disabled", "模板 ID 已停用"}, Text{"Use another template.", "请更换模板。"}},
	{50001, ClassConfigStop, FaultConfig, Text{"the API is not authorised", "接口未授权"}, Text{"Authorise it in the console.", "在公众平台授权该接口。"}},
	{50002, ClassConfigStop, FaultConfig, Text{"the account is limited", "账号受限"}, Text{"See mp.weixin.qq.com for the reason.", "登录公众平台查看原因。"}},
	{50003, ClassConfigStop, FaultConfig, Text{"the app is not on the white list", "应用不在白名单"}, Text{"Ask WeChat's support.", "联系微信客服。"}},
	{50004, ClassConfigStop, FaultConfig, Text{"the token API is forbidden for this account", "该账号被禁止使用 token 接口"}, Text{"See mp.weixin.qq.com for the reason.", "登录公众平台查看原因。"}},
	{50005, ClassDead, FaultRecipient, Text{"the person does not follow the account", "用户未关注公众号"}, Text{"Nothing. Run wxcast sync if there are many.", "无需处理；若数量较多，请先执行 wxcast sync。"}},
	{50007, ClassConfigStop, FaultConfig, Text{"the account is frozen", "账号已冻结"}, Text{"See mp.weixin.qq.com for the reason.", "登录公众平台查看原因。"}},
	{61003, ClassConfigStop, FaultConfig, Text{"the account has not authorised this third-party platform", "公众号未授权该第三方平台"}, Text{"Authorise it, or use the account's own secret.", "完成授权，或使用公众号自己的 secret。"}},
	{61004, ClassConfigStop, FaultConfig, Text{"this IP is not registered for the third-party platform", "IP 未在第三方平台登记"}, Text{"Register the IP.", "登记该 IP。"}},
	{61005, ClassConfigStop, FaultConfig, Text{"the third-party platform's ticket has expired", "第三方平台 ticket 已过期"}, Text{"Check that the platform gets its ticket, every 10 minutes.", "检查第三方平台是否收到每 10 分钟一次的 ticket 推送。"}},
	{61006, ClassConfigStop, FaultConfig, Text{"the third-party platform's ticket is wrong", "第三方平台 ticket 不正确"}, Text{"Check that the platform keeps the latest ticket.", "检查第三方平台保存的是否为最新 ticket。"}},
	{61007, ClassConfigStop, FaultConfig, Text{"the API is not authorised to this third-party platform", "第三方平台没有该接口权限"}, Text{"Authorise the API to the platform.", "将该接口授权给第三方平台。"}},
	{61011, ClassConfigStop, FaultConfig, Text{"the third-party platform is wrong", "第三方平台不合法"}, Text{"Check the platform's appid.", "核对第三方平台的 appid。"}},
	{61014, ClassConfigStop, FaultConfig, Text{"the component token is wrong for this call", "component token 类型不正确"}, Text{"Use the account's own token.", "请使用公众号自己的 token。"}},
	{61015, ClassConfigStop, FaultConfig, Text{"the component token is wrong for this call", "component token 类型不正确"}, Text{"Use the account's own token.", "请使用公众号自己的 token。"}},
	{61016, ClassConfigStop, FaultConfig, Text{"the component token is wrong for this call", "component token 类型不正确"}, Text{"Use the account's own token.", "请使用公众号自己的 token。"}},
	{61017, ClassConfigStop, FaultConfig, Text{"the component token is wrong for this call", "component token 类型不正确"}, Text{"Use the account's own token.", "请使用公众号自己的 token。"}},
	{61023, ClassConfigStop, FaultConfig, Text{"the refresh_token is wrong", "refresh_token 不正确"}, Text{"Authorise the platform again.", "重新授权第三方平台。"}},
	{61450, ClassRetryLater, FaultPlatform, Text{"WeChat is busy", "微信系统错误"}, Text{"Nothing.", "无需处理。"}},
	{63178, ClassConfigStop, FaultConfig, Text{"the account's migration is not confirmed", "账号迁移尚未确认"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{76001, ClassMsgBad, FaultCaller, Text{"the rid does not exist", "rid 不存在"}, Text{"Check the rid; it can be looked up for 7 days.", "核对 rid；仅可查询 7 天内。"}},
	{76002, ClassMsgBad, FaultCaller, Text{"the rid is empty or malformed", "rid 为空或格式错误"}, Text{"Check the rid.", "核对 rid。"}},
	{76003, ClassMsgBad, FaultCaller, Text{"the rid belongs to another account", "rid 不属于当前账号"}, Text{"Ask with the account that made the call.", "使用发起调用的账号查询。"}},
	{76004, ClassMsgBad, FaultCaller, Text{"the rid has expired", "rid 已过期"}, Text{"A rid can be looked up for 7 days.", "rid 仅可查询 7 天内。"}},
	{76021, ClassMsgBad, FaultCaller, Text{"the cgi_path is wrong", "cgi_path 不存在"}, Text{"Write it with a leading slash, without host and query.", "以 / 开头，不带域名和参数。"}},
	{76022, ClassMsgBad, FaultCaller, Text{"this account has no such API", "当前账号没有该接口"}, Text{"Nothing.", "无需处理。"}},
	{85431, ClassRetryLater, FaultPlatform, Text{"WeChat is busy", "微信系统繁忙"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{85433, ClassMsgBad, FaultMessage, Text{"the service card's check_json is wrong", "服务卡片 check_json 不正确"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{85434, ClassConfigStop, FaultConfig, Text{"the service card's notify_type is wrong", "服务卡片 notify_type 不正确"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{85437, ClassRetryLater, FaultMessage, Text{"the service card's code is wrong, or too fresh", "服务卡片 code 无效或尚未生效"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{85438, ClassDead, FaultRecipient, Text{"the service card's code has expired", "服务卡片 code 已过期"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{85470, ClassMsgBad, FaultMessage, Text{"the service card's ext_json is wrong", "服务卡片 ext_json 不正确"}, Text{"This is no call of wxcast's.", "wxcast 不会调用此类接口。"}},
	{89501, ClassConfigStop, FaultConfig, Text{"this IP waits for the admin to confirm it", "该 IP 正在等待管理员确认"}, Text{"Let the admin confirm the request in WeChat, then run again.", "请管理员在微信中确认后再运行。"}},
	{89503, ClassConfigStop, FaultConfig, Text{"this IP needs the admin's confirmation", "该 IP 调用需要管理员确认"}, Text{"Let the admin confirm the request in WeChat, then run again.", "请管理员在微信中确认后再运行。"}},
	{89505, ClassConfigStop, FaultConfig, Text{"this IP waits for the admin to confirm it", "该 IP 正在等待管理员确认"}, Text{"Let the admin confirm the request in WeChat, then run again.", "请管理员在微信中确认后再运行。"}},
	{89506, ClassConfigStop, FaultConfig, Text{"the admin refused this IP for 24 hours", "管理员已拒绝该 IP，24 小时内不可用"}, Text{"Ask the admin, and run again after 24 hours.", "联系管理员，24 小时后再试。"}},
	{89507, ClassConfigStop, FaultConfig, Text{"the admin refused this IP for one hour", "管理员已拒绝该 IP，1 小时内不可用"}, Text{"Ask the admin, and run again after an hour.", "联系管理员，1 小时后再试。"}},
	{200011, ClassConfigStop, FaultConfig, Text{"the account may not manage subscribe templates", "账号无权管理订阅模板"}, Text{"See the console.", "查看公众平台。"}},
	{200012, ClassConfigStop, FaultConfig, Text{"the account has its 25 subscribe templates", "订阅模板数量已达上限（25 个）"}, Text{"Delete one in the console.", "在公众平台删除不用的模板。"}},
	{200013, ClassConfigStop, FaultConfig, Text{"the subscribe template is deleted or unknown", "订阅模板已删除或不存在"}, Text{"Choose another in the console.", "在公众平台更换模板。"}},
	{200014, ClassConfigStop, FaultConfig, Text{"the template's tid is wrong", "模板 tid 参数错误"}, Text{"Choose another in the console.", "在公众平台更换模板。"}},
	{200020, ClassConfigStop, FaultConfig, Text{"the template's keyword list is wrong", "关键词列表参数错误"}, Text{"Choose the keywords in the console.", "在公众平台重新选择关键词。"}},
	{200021, ClassConfigStop, FaultConfig, Text{"the template's scene is wrong", "场景描述参数错误"}, Text{"Mend the scene in the console.", "在公众平台修改场景描述。"}},
	{200022, ClassConfigStop, FaultConfig, Text{"the template was refused", "模板被拒绝"}, Text{"See the console.", "查看公众平台。"}},
	{200100, ClassConfigStop, FaultConfig, Text{"the template's settings are wrong", "模板配置错误"}, Text{"See the console.", "查看公众平台。"}},
	{268487001, ClassRetryLater, FaultPlatform, Text{"WeChat is busy", "微信系统繁忙"}, Text{"Nothing.", "无需处理。"}},
	{268487002, ClassRetryLater, FaultPlatform, Text{"WeChat is busy", "微信系统繁忙"}, Text{"Nothing.", "无需处理。"}},
}
