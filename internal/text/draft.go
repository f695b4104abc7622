package text

// What is said of drafts, and of the company's rule of four eyes.
var _ = add(map[string]words{
	"draft.none":              {"there is no draft {id}, or not any more", "没有草稿 {id}，或已不存在"},
	"draft.changed":           {"somebody else has changed draft {id} meanwhile: look at theirs, then make your change again", "草稿 {id} 已被他人修改：请查看对方的修改后再改"},
	"draft.there_already":     {"this name and content are broadcast {id} ({name}), which is {state}; give the draft another name", "此名称和内容就是群发 {id}（{name}），其状态为{state}；请给草稿另取名称"},
	"draft.too_large":         {"is larger than any spec", "过大"},
	"draft.want_smaller":      {"at most {kib} KiB; who gets it is in lists", "最大 {kib} KiB；收件人请放在名单文件中"},
	"draft.file_too_large":    {"is too large for the console", "文件过大，控制台无法接收"},
	"draft.want_smaller_file": {"at most {mib} MB here; wxcast broadcast create and the API take larger lists", "此处最大 {mib} MB；更大的名单请用 wxcast broadcast create 或 API"},
	"draft.too_many_files":    {"is one file too many", "文件过多"},
	"draft.want_fewer_files":  {"a draft has {most} at most", "一个草稿最多 {most} 个"},
	"approval.needed":         {"broadcast {id} goes to more than {above:count} people: another user has to approve it first", "群发 {id} 的收件人超过 {above:count}：须先由另一位用户审批"},
	"approval.counting":       {"the recipients of broadcast {id} are still being counted; ask again in a moment", "群发 {id} 的收件人仍在统计，请稍候再试"},
	"approval.none_asked":     {"nobody asks for an approval of broadcast {id}, or what was asked for has lapsed or changed", "没有人申请审批群发 {id}，或申请已过期、已变更"},
	"approval.own":            {"you wrote broadcast {id} or asked for its approval: somebody else decides", "群发 {id} 由您编写或申请，须由他人审批"},
	"approval.just_changed":   {"somebody else has just decided about broadcast {id}, or asked anew", "群发 {id} 刚刚被他人审批或重新申请"},
})
