package template_test

import (
	"testing"
	"time"

	"github.com/wxcast/wxcast/broadcast/template"
	"github.com/wxcast/wxcast/internal/wxcast"
)

// BenchmarkRender fills in one person's message.
func BenchmarkRender(b *testing.B) {
	for name, data := range map[string]string{
		"constants": `{thing1: "上新提醒", time2: "2026-11-30 10:00"}`,
		"variables": `{thing1: "{{ .remark | default \"客户\" | truncate 8 }}", time2: "{{ .followed_at | date \"2006-01-02 15:04\" }}"}`,
	} {
		b.Run(name, func(b *testing.B) {
			s, err := parse("bench.yaml",
				[]byte("name: bench\ntemplate: T\ndata: "+data+"\nminiprogram: {pagepath: \"pages/sale?u={{ .mini_openid }}\"}\n"))
			if err != nil {
				b.Fatal(err)
			}
			m, err := template.NewMessage(s, s.Parts[0], "wx0123456789abcdef", "key")
			if err != nil {
				b.Fatal(err)
			}
			d := wxcast.Delivery{Follower: wxcast.Follower{OpenID: "oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k",
				SubscribeTime: time.Unix(1_700_000_000, 0), Remark: "老客户"}, MiniOpenID: "oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k"}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.For(&d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
