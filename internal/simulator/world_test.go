package simulator

import (
	"testing"
	"unsafe"
)

// Every number has an id of its own, and a text that we did not make is nobody's.
func FuzzCodec(f *testing.F) {
	f.Add(uint64(1), uint32(0), "oCJUsw9O7spQia91XWy7NQSCS-QE")
	f.Add(uint64(7), uint32(1<<31), "")
	f.Fuzz(func(t *testing.T, seed uint64, n uint32, other string) {
		c := newCodec(seed, "openid", "o")
		id := c.encode(n)
		if back, ok := c.decode(id); !ok || back != n || len(id) != 28 {
			t.Errorf("%d became %q, which is %d (%v)", n, id, back, ok)
		}
		if back, ok := c.decode(other); ok && c.encode(back) != other {
			t.Errorf("%q was taken for %d, who is %q", other, back, c.encode(back))
		}
	})
}

func TestAMillionFollowersCostNoMemory(t *testing.T) {
	s := New(Options{Followers: 10_000_000})
	if size := unsafe.Sizeof(*s.world); size > 1024 {
		t.Errorf("%d bytes", size)
	}
	with, mini := 0, 0
	for n := range uint32(10_000) {
		p := s.world.person(n)
		if p.hasUnionID {
			with++
		}
		if p.isMiniUser {
			mini++
		}
	}
	if with < 9400 || with > 9600 || mini < 5500 || mini > 5900 {
		t.Errorf("of 10,000: %d with unionid, %d mini users", with, mini)
	}
}
