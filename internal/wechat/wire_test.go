package wechat

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// The exact bytes: "pagepath" and not "path", no \u escapes, no empty miniprogram.
func TestTheBodyOfATemplateMessage(t *testing.T) {
	for name, test := range map[string]struct {
		m    TemplateMessage
		want string
	}{
		"with a mini program": {
			TemplateMessage{ToUser: "O", TemplateID: "T", MiniAppID: "wxMP", PagePath: "pages/a?b=1&c=<2>",
				ClientMsgID: "c-1", Data: map[string]string{"time2": "10:00", "thing1": "上新 & <新>"}},
			`{"touser":"O","template_id":"T","miniprogram":{"appid":"wxMP","pagepath":"pages/a?b=1&c=<2>"},"client_msg_id":"c-1","data":{"thing1":{"value":"上新 & <新>"},"time2":{"value":"10:00"}}}`,
		},
		"without": {
			TemplateMessage{ToUser: "O", TemplateID: "T", URL: "https://h5.example/x", Data: map[string]string{}},
			`{"touser":"O","template_id":"T","url":"https://h5.example/x","data":{}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.m.encode()
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// The exact bytes of the other kinds: a notice's page is "page" and its mini program's is
// "pagepath", as a card's; nothing is there that is empty.
func TestTheBodiesOfOtherMessages(t *testing.T) {
	data := map[string]string{"thing1": "上新 & <新>"}
	for name, test := range map[string]struct {
		m    interface{ encode() []byte }
		want string
	}{
		"a subscribe message": {
			SubscribeMessage{ToUser: "M", TemplateID: "T", Page: "pages/a?b=1&c=<2>", Version: "trial", Lang: "zh_TW",
				Data: data},
			`{"touser":"M","template_id":"T","page":"pages/a?b=1&c=<2>","miniprogram_state":"trial","lang":"zh_TW","data":{"thing1":{"value":"上新 & <新>"}}}`,
		},
		"a bare one": {
			SubscribeMessage{ToUser: "M", TemplateID: "T", Data: data},
			`{"touser":"M","template_id":"T","data":{"thing1":{"value":"上新 & <新>"}}}`,
		},
		"a notice": {
			NoticeMessage{ToUser: "O", TemplateID: "T", Page: "https://h5.example/x", MiniAppID: "wxMP",
				PagePath: "pages/a", Data: data},
			`{"touser":"O","template_id":"T","page":"https://h5.example/x","miniprogram":{"appid":"wxMP","pagepath":"pages/a"},"data":{"thing1":{"value":"上新 & <新>"}}}`,
		},
		"a bare notice": {
			NoticeMessage{ToUser: "O", TemplateID: "T", Data: data},
			`{"touser":"O","template_id":"T","data":{"thing1":{"value":"上新 & <新>"}}}`,
		},
		"a card": {
			Card{ToUser: "O", Title: "“新” & \"旧\"", MiniAppID: "wxMP", PagePath: "pages/a?b=1&c=2",
				ThumbMediaID: "MEDIA"},
			`{"touser":"O","msgtype":"miniprogrampage","miniprogrampage":{"title":"“新” & \"旧\"","appid":"wxMP","pagepath":"pages/a?b=1&c=2","thumb_media_id":"MEDIA"}}`,
		},
		"a text": {
			CustomText{ToUser: "O", Content: `<a href="https://x">看</a>`},
			`{"touser":"O","msgtype":"text","text":{"content":"<a href=\"https://x\">看</a>"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.m.encode(); string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWhatABatchMayAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		reply string
		ok    bool
	}{
		"in another order":    {`[{"openid":"b","subscribe":1},{"openid":"a","subscribe":0}]`, true},
		"one missing":         {`[{"openid":"b","subscribe":1}]`, false},
		"one nobody asked":    {`[{"openid":"a"},{"openid":"b"},{"openid":"c"}]`, false},
		"one twice":           {`[{"openid":"a"},{"openid":"a"}]`, false},
		"without any unionid": {`[{"openid":"a","subscribe":1,"tagid_list":[]},{"openid":"b","subscribe":1}]`, true},
	} {
		t.Run(name, func(t *testing.T) {
			var users []user
			if err := json.Unmarshal([]byte(test.reply), &users); err != nil {
				t.Fatal(err)
			}
			followers, err := matchUsers([]wxcast.OpenID{"a", "b"}, users)
			if (err == nil) != test.ok || test.ok && len(followers) != 2 {
				t.Errorf("%v, %v", followers, err)
			}
		})
	}
}

func FuzzDecodeReply(f *testing.F) {
	for _, seed := range []string{
		`{"total":23000,"count":2,"data":{"openid":["O1","O2"]},"next_openid":"O2"}`,
		`{"total":1,"count":0,"next_openid":""}`,
		`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 61725984-6126f6f9-040f19c4"}`,
		`{"errcode":0,"errmsg":"ok","msgid":3264439863978712345}`, `{"errcode":-1}`, `null`, `[]`, `<html>`, ``,
	} {
		f.Add([]byte(seed))
	}
	// An accepted reply has errcode 0; a refused one is an *Error without the token.
	f.Fuzz(func(t *testing.T, raw []byte) {
		const token = "TOKEN-THAT-IS-HIDDEN"
		out, err := decode[sendReply]("/x", bytes.ReplaceAll(raw, []byte("rid"), []byte(token)), token)
		if err == nil {
			if out.ErrCode != 0 {
				t.Errorf("accepted errcode %d", out.ErrCode)
			}
			return
		}
		if _, ok := err.(*Error); !ok || strings.Contains(err.Error(), token) {
			t.Errorf("%T %v", err, err)
		}
	})
}
