package access_test

import (
	"testing"

	"github.com/wxcast/wxcast/internal/access"
	"github.com/wxcast/wxcast/internal/wxcast"
)

func TestARoleIsForItsAccount(t *testing.T) {
	const shop, other = 7, 8
	user := func(people bool, grants ...wxcast.Grant) wxcast.User {
		return wxcast.User{People: people, Grants: grants}
	}
	for name, test := range map[string]struct {
		policy  access.Policy
		user    wxcast.User
		account int64
		right   access.Right
		want    bool
	}{
		"an operator of all": {user: user(false, wxcast.Grant{Role: "operator"}), account: shop,
			right: access.RightSend, want: true},
		"an operator of one": {user: user(false, wxcast.Grant{Role: "operator", AccountID: shop}),
			account: shop, right: access.RightSend, want: true},
		"of another one": {user: user(false, wxcast.Grant{Role: "operator", AccountID: other}),
			account: shop, right: access.RightRead},
		"nobody":                {user: user(true), account: shop, right: access.RightRead},
		"people without a role": {user: user(true), account: shop, right: access.RightPeople},
		"people with one elsewhere": {user: user(true, wxcast.Grant{Role: "viewer", AccountID: other}),
			account: shop, right: access.RightPeople},
		"people with one": {user: user(true, wxcast.Grant{Role: "viewer", AccountID: shop}),
			account: shop, right: access.RightPeople, want: true},
		"an admin of one account": {user: user(false, wxcast.Grant{Role: "admin", AccountID: shop}),
			account: shop, right: access.RightUsers},
		"an admin of all": {user: user(false, wxcast.Grant{Role: "admin"}), account: shop,
			right: access.RightUsers, want: true},
		"a parted admin sends": {policy: access.Policy{PartedDuties: true}, user: user(false,
			wxcast.Grant{Role: "admin"}), account: shop, right: access.RightSend},
		"a parted admin audits": {policy: access.Policy{PartedDuties: true}, user: user(false,
			wxcast.Grant{Role: "admin"}), account: shop, right: access.RightAudit},
		"a parted admin makes keys": {policy: access.Policy{PartedDuties: true}, user: user(false,
			wxcast.Grant{Role: "admin"}), account: shop, right: access.RightKeys, want: true},
		"a viewer forgets a person": {user: user(true, wxcast.Grant{Role: "viewer"}), account: shop,
			right: access.RightForget},
		"an operator who sees, forgets": {user: user(true, wxcast.Grant{Role: "operator"}), account: shop,
			right: access.RightForget, want: true},
		"a role that there is not": {user: user(true, wxcast.Grant{Role: "emperor"}), account: shop,
			right: access.RightRead},
	} {
		if got := test.policy.May(test.user, test.account, test.right); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestPasswordsThatAreGuessed(t *testing.T) {
	for password, good := range map[string]bool{
		"seven grey geese": true, "Tr0ub4dor&3xyz!": true, "用一些随机的中文词语组成密码": true,
		"a密码由中文和英文混合组成的": true, "密码a密码a密码a密码a": false,
		"short": false, "aaaaaaaaaaaaaaaa": false, "abcdefghijklmnop": false, "li.lei is my name": false,
		"ababababababab": false, "hunter2hunter2": false,
	} {
		if err := access.CheckPassword(password, "li.lei"); (err == nil) != good {
			t.Errorf("%q: %v, want it to be good: %v", password, err, good)
		}
	}
}
