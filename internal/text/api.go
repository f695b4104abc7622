package text

// What the HTTP API says beside the use cases.
var _ = add(map[string]words{
	"api.no_key":             {"send Authorization: Bearer KEY; wxcast key create makes one", "请发送 Authorization: Bearer KEY；用 wxcast key create 创建密钥"},
	"api.wrong_key":          {"the key is not known, has expired, or was revoked", "密钥不存在、已过期或已吊销"},
	"api.narrow_key":         {"the key lacks the scope {scope}", "密钥没有权限 {scope}"},
	"api.too_many_of_key":    {"too many calls with this key", "此密钥调用过于频繁"},
	"api.too_many_strangers": {"too many calls without a good key", "没有有效密钥的调用过多"},
	"api.too_many_tokens":    {"the token is asked for too often: keep it for expires_in seconds", "获取 token 过于频繁：请在 expires_in 秒内缓存使用"},
	"api.store_away":         {"the database does not answer; try again", "数据库没有响应，请重试"},
	"api.failed":             {"it failed; the log of wxcast serve says why", "调用失败，原因见 wxcast serve 的日志"},
	"api.no_call":            {"there is no such call; {openapi} describes them", "没有这个接口；{openapi} 列出了全部接口"},
	"api.file_name":          {"is no name of a file", "不是文件名"},
	"api.want_file_name":     {"send each file with its name", "上传每个文件时请带上文件名"},
	"api.file_twice":         {"was sent twice", "上传了两次"},
	"api.want_file_names":    {"give each file a name of its own", "每个文件请用不同的名称"},
})
