package text

// The company's people who use the console: what they are told of passwords and roles.
var _ = add(map[string]words{
	"user.taken":      {"there is, or was, a user {name}; names stand in the audit log, so give this one another", "已有或曾有用户 {name}；用户名会记入审计日志，请换一个"},
	"user.taken/cli":  {"wxcast user reset {name} invites them anew", "用 wxcast user reset {name} 可重新邀请"},
	"user.none":       {"there is no user {name}", "没有用户 {name}"},
	"user.none/cli":   {"wxcast user list shows them", "用 wxcast user list 查看"},
	"user.want_name":  {"write lower-case letters, digits, dots and dashes, such as li.lei, or an e-mail address", "请使用小写字母、数字、点和短横线，如 li.lei，或邮箱地址"},
	"user.want_roles": {"name one or more of {known:list}, each for all accounts, or as viewer@ACCOUNT for one", "请指定一个或多个：{known:list}；默认对所有账号有效，仅对一个账号时写作 viewer@账号"},
	"user.no_account": {"there is no account {account}", "没有账号 {account}"},
	"user.invited": {"This is the one-time link of {name} ({roles}): with it they choose a password, until {at:minute}. It is not shown again.",
		"这是 {name}（{roles}）的一次性链接：请在 {at:minute} 前用它设置密码。不会再次显示。"},
	"user.granted":  {"User {name} now has the roles {roles}.", "用户 {name} 现在的角色：{roles}。"},
	"user.disabled": {"User {name} is shut out, everywhere and at once. Nothing of theirs is removed; wxcast user reset lets them in again.", "用户 {name} 已停用，所有登录立即失效。其记录不会删除；用 wxcast user reset 可恢复。"},

	"user.let_in":          {"User {name} may come in again, by the company's sign-in.", "用户 {name} 可再次通过企业登录。"},
	"user.state_federated": {"good, by the company's sign-in", "正常，企业登录"},
	"user.no_name_claim":   {"the company's sign-in tells no user name in the claim {claim}; set console.sso.name_claim", "企业登录未在 {claim} 中给出用户名；请设置 console.sso.name_claim"},
	"user.unusable_name":   {"the company's sign-in gives the name {name}, which no user can have here (letters, digits, . _ @ + -)", "企业登录给出的名称 {name} 不能用作用户名（只能含字母、数字和 . _ @ + -）"},
	"user.no_group":        {"{name} is in none of the groups that may come in (console.sso.roles)", "{name} 不在任何可登录的组中（console.sso.roles）"},
	"user.is_disabled":     {"user {name} is shut out", "用户 {name} 已停用"},
	"user.name_taken":      {"there is another user {name}, who signs in by password: disable them, or give them another name", "已有另一个以密码登录的用户 {name}"},
	"user.federated":       {"user {name} signs in by the company's sign-in, which looks after passwords", "用户 {name} 通过企业登录，密码由企业登录管理"},
	"user.state_good":      {"good", "正常"},
	"user.state_totp":      {"good, with a second factor", "正常，已启用两步验证"},
	"user.state_invited":   {"invited", "已邀请"},
	"user.state_disabled":  {"disabled {at:minute}", "{at:minute} 停用"},

	"user.short_password":     {"is short", "太短"},
	"user.long_password":      {"is longer than any that is remembered", "太长"},
	"user.guessable_password": {"can be guessed", "容易被猜到"},
	"user.want_password":      {"choose one of {least} characters or more, without your name; a few random words do well", "请用至少 {least} 个字符，且不含用户名；几个随机的词就很好"},
	"user.wrong_code":         {"is not the code of now", "不是当前的验证码"},
	"user.want_code":          {"write the six digits that your authenticator app shows now", "请填写验证器应用当前显示的六位数字"},
	"user.wrong_password":     {"is not your password", "不是您的密码"},
	"user.want_old_password":  {"write the one that you sign in with now", "请填写目前登录所用的密码"},

	"help.user": {"Say who may use the console, and for what", "管理控制台用户及其角色"},
	"help.user.long": {`Say who may use the console that wxcast serve shows to browsers, and for what.

Roles: admin (users and keys, and all that the others may), operator (broadcasts, jobs,
imports), approver (lets others' broadcasts begin), viewer (sees how things stand),
auditor (sees who did what). A role is for all accounts, or as viewer@ACCOUNT for one.
Persons (ids, remarks, values) are shown to those alone who have --people.`,
		`管理谁能使用 wxcast serve 提供的控制台，以及能做什么。

角色：admin（管理用户与密钥，并拥有其他角色的权限）、operator（群发、任务、导入）、approver
（审批他人的群发）、viewer（查看状态）、auditor（查看审计日志）。角色默认对所有账号有效，
仅对一个账号时写作 viewer@账号。只有带 --people 的用户能看到个人数据（id、备注、内容）。`},
	"help.user.create": {"Invite a user: print a one-time link, with which they choose a password", "邀请用户：显示一次性链接，用于设置密码"},
	"help.user.create.long": {`Invite a user, and print a one-time link that is good for a day: with it they choose a
password and, if they want or must, a second factor. Set console.url to where browsers
reach the console, and the link leads there.`,
		`邀请用户，并显示一天内有效的一次性链接：用户用它设置密码，并可（或必须）启用两步验证。
请把 console.url 设为浏览器访问控制台的地址，链接会指向那里。`},
	"help.user.list":    {"List the users", "列出用户"},
	"help.user.grant":   {"Give a user other roles", "更改用户的角色"},
	"help.user.disable": {"Shut a user out at once", "立即停用用户"},
	"help.user.reset":   {"Take a user's password and second factor away, and invite them anew", "重置用户的密码与两步验证，并重新邀请"},

	"flag.role":   {"role, for all accounts, or as ROLE@ACCOUNT for one: admin, operator, approver, viewer, auditor", "角色，默认对所有账号有效，或写作 角色@账号：admin、operator、approver、viewer、auditor"},
	"flag.people": {"they may see persons: ids, remarks, values", "可以查看个人数据：id、备注、内容"},
})
