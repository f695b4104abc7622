package account

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wxcast/wxcast/broadcast/notice"
	"github.com/wxcast/wxcast/broadcast/subscribe"
	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/broadcast/values"
)

// notOfNames is what a spec's name does not hold.
var notOfNames = regexp.MustCompile(`[^\p{L}\p{N}_.-]+`)

// firstSpec is a spec to begin with: it sends a template with samples for its values.
func (a *Account) firstSpec(t Template, now time.Time) string {
	var b strings.Builder
	indent := ""
	fmt.Fprintf(&b, "name: %s\n", strings.Trim(notOfNames.ReplaceAllString(cmp.Or(t.Title, t.ID), "-"), "-")+"-1")
	if t.Channel != template.Name {
		fmt.Fprintf(&b, "channels:\n  - %s:\n", t.Channel)
		indent = "      "
	}
	fmt.Fprintf(&b, "%stemplate: %s\n%sdata:\n", indent, t.ID, indent)
	for _, f := range t.Fields {
		comment := f.Label
		if f.Most > 0 {
			comment = strings.TrimSpace(fmt.Sprintf("%s ≤%d", comment, f.Most))
		}
		fmt.Fprintf(&b, "%s  %s: %s", indent, f.Key, strconv.Quote(values.Sample(f.Key, f.Allowed, now)))
		if comment != "" {
			b.WriteString("  # " + comment)
		}
		b.WriteByte('\n')
	}
	switch {
	case t.Channel == subscribe.Name:
		fmt.Fprintf(&b, "%spage: pages/index/index\n", indent)
	case t.Channel == template.Name && len(a.Config.MiniPrograms) > 0, t.Channel == notice.Name &&
		len(a.Config.MiniPrograms) > 0:
		fmt.Fprintf(&b, "%sminiprogram: {appid: %s, pagepath: pages/index/index}\n", indent, a.Config.MiniPrograms[0].AppID)
	}
	return b.String()
}
