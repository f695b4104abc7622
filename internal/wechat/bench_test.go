package wechat

import "testing"

var benchMessage = TemplateMessage{
	ToUser: "oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k", TemplateID: "TPLaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	MiniAppID: "wx0123456789abcdef",
	PagePath:  "pages/sale/index?u=oM5dZ7oVnH7pUrcLQ1QhDxQ7hS3k", ClientMsgID: "aaaaaaaaaa-aaaaaaaaaaaaa",
	Data: map[string]string{"thing1": "上新提醒", "time2": "2026-11-30 10:00"},
}

// BenchmarkEncode writes a message's JSON.
func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		benchMessage.encode()
	}
}

// BenchmarkClassify reads the answer to a message, and says what it means.
func BenchmarkClassify(b *testing.B) {
	for name, answer := range map[string]string{
		"ok":   `{"errcode":0,"errmsg":"ok","msgid":4000000000000000001}`,
		"gone": `{"errcode":43004,"errmsg":"require subscribe rid: 61725984-6126f6f9-040f19c4"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := decode[sendReply]("/cgi-bin/message/template/send", []byte(answer), "token")
				ClassOf(err)
			}
		})
	}
}
