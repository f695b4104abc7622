package bridge

import (
	"errors"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Every row has a line and is a mini user with clean ids or a reason, and a broken
// file ends with one BadInput.
func FuzzReadFile(f *testing.F) {
	for _, seed := range []string{
		"unionid,openid\nu1,o1\n", "\uFEFFunionid,openid\r\nu1,\"o1\"\r\n", "unionid,openid\n,\n\"",
		"openid;unionid\n1;2", "a,b\n", "",
		"{\"unionid\":\"u1\",\"openid\":\"o1\"}\n{\"unionid\":7}\n{", "\x1f\x8b\x08", "unionid\topenid\n1\t2",
		"\xff\xfeu\x00", "unionid,openid,\xd0\xd5\xc3\xfb\n1,2,3\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ended := false
		for row, err := range ReadFile(strings.NewReader(text), "f.csv",
			Columns{UnionID: "unionid", OpenID: "openid"}) {
			if ended {
				t.Error("something follows the error")
			}
			if err != nil {
				ended = true
				if bad := new(wxcast.BadInput); !errors.As(err, &bad) {
					t.Errorf("%T %v", err, err)
				}
				continue
			}
			user, reason := check(row)
			if row.Line < 1 {
				t.Errorf("%+v", row)
			}
			if reason.IsZero() && (user.UnionID == "" || user.MiniOpenID == "" ||
				strings.ContainsAny(string(user.UnionID)+string(user.MiniOpenID), " \n\t\x00")) {
				t.Errorf("%+v", user)
			}
		}
	})
}
