package bridge

import (
	"errors"
	"strings"
	"testing"

	"github.com/wxcast/wxcast/internal/wxcast"
)

// Every row is a mini user with clean ids or rejected with a line, and a broken
// file ends with one BadInput.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{"unionid,openid\nu1,o1\n", "\uFEFFunionid,openid\r\nu1,\"o1\"\r\n", "unionid,openid\n,\n\"", "openid;unionid\n1;2", "a,b\n", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var rows, good, rejected int64
		users := readCSV(strings.NewReader(text), CSV{Name: "f.csv"}, func(r Rejected) {
			if rejected++; r.Line < 2 || r.Reason == "" {
				t.Errorf("%+v", r)
			}
		}, &rows)
		for u, err := range users {
			var bad *wxcast.BadInput
			switch {
			case err != nil:
				if !errors.As(err, &bad) {
					t.Errorf("%T %v", err, err)
				}
			case u.UnionID == "" || u.MiniOpenID == "" || strings.ContainsAny(string(u.UnionID)+string(u.MiniOpenID), " \n\t\x00"):
				t.Errorf("%+v", u)
			default:
				good++
			}
		}
		if rows != good+rejected {
			t.Errorf("%d rows, %d good, %d rejected", rows, good, rejected)
		}
	})
}
