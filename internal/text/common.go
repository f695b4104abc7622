package text

// What all rooms say.
var _ = add(map[string]words{
	"input.line":    {"line {line}", "第 {line} 行"},
	"suggest.known": {"known are {known:list}", "可用的有 {known:list}"},
	"suggest.mean":  {"did you mean {name}?", "是否想写 {name}？"},
	"verbatim":      {"{text}", "{text}"},
	"time.never":    {"never", "从未"},
})
