package text

// What all rooms say.
var _ = add(map[string]words{
	"input.line": {"line {line}", "第 {line} 行"},
	"verbatim":   {"{text}", "{text}"},
	"time.never": {"never", "从未"},
})
