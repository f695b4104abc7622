package cli

import (
	"regexp"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// cobraSays are the mistakes of a command line that cobra and pflag tell, in their words, with
// the sentence that says the same in every language. What is not here is told as it stands.
var cobraSays = []struct {
	form *regexp.Regexp
	code string
	args []string // what the form's groups are called
}{
	{regexp.MustCompile(`^unknown command "(.*?)" for "(.*?)"`), "cli.unknown_command", []string{"name", "command"}},
	{regexp.MustCompile(`^unknown flag: (\S+)$`), "cli.unknown_flag", []string{"flag"}},
	{regexp.MustCompile(`^unknown shorthand flag: '(.)' in (\S+)$`), "cli.unknown_flag", []string{"flag"}},
	{regexp.MustCompile(`^flag needs an argument: (?:'.' in )?(\S+)$`), "cli.flag_needs_value", []string{"flag"}},
	{regexp.MustCompile(`(?s)^invalid argument "(.*?)" for "(.*?)" flag: `), "cli.flag_value",
		[]string{"value", "flag"}},
	{regexp.MustCompile(`^accepts (\d+) arg\(s\), received (\d+)$`), "cli.args", []string{"want", "got"}},
	{regexp.MustCompile(`^accepts at most (\d+) arg\(s\), received (\d+)$`), "cli.args_most", []string{"want", "got"}},
	{regexp.MustCompile(`^requires at least (\d+) arg\(s\), only received (\d+)$`), "cli.args_least",
		[]string{"want", "got"}},
	{regexp.MustCompile(`^invalid argument "(.*?)" for "(.*?)"`), "cli.argument", []string{"value", "command"}},
}

// sayMistake turns a mistake that cobra tells into a sentence. English stays in cobra's words:
// it also suggests what was meant.
func sayMistake(err error) error {
	for _, says := range cobraSays {
		m := says.form.FindStringSubmatch(err.Error())
		if m == nil {
			continue
		}
		var pairs []any
		for i, name := range says.args {
			pairs = append(pairs, name, m[i+1])
		}
		return usageError{wxcast.NewError(says.code, pairs...)}
	}
	return err
}
