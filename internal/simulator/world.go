package simulator

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// world computes people instead of keeping them: everything about the person
// with a given number follows from the seed, so ten million cost no memory.
type world struct {
	seed    uint64
	openid  codec
	unionid codec
	mini    codec
	share   Shares
	epoch   time.Time // people followed before it
}

// week is how long a seed gives people of the same times: some of them followed lately, whenever the
// simulator is started.
const week = 7 * 24 * time.Hour

// Shares are how the people of a world differ, each from 0 to 1.
type Shares struct {
	WithUnionID float64 `json:"with_unionid"` // of the followers
	MiniUser    float64 `json:"mini_user"`    // of those with a unionid
	Unreachable float64 `json:"unreachable"`  // of the followers: sends answer 43004
}

func newWorld(seed uint64, share Shares) *world {
	return &world{
		seed:    seed,
		openid:  newCodec(seed, "openid", "o"),
		unionid: newCodec(seed, "unionid", "o6_"),
		mini:    newCodec(seed, "mini", "oM"),
		share:   share,
		epoch:   time.Now().UTC().Truncate(week),
	}
}

// anyone finds a person by either openid.
func (w *world) anyone(openid string) (n uint32, ok bool) {
	if n, ok = w.mini.decode(openid); ok {
		return n, true
	}
	return w.openid.decode(openid)
}

// person is one follower's details.
type person struct {
	n             uint32
	hasUnionID    bool
	isMiniUser    bool
	reachable     bool
	subscribeTime time.Time
	scene         string
	tags          []int
}

var scenes = [...]string{"ADD_SCENE_SEARCH", "ADD_SCENE_QR_CODE", "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_PAID",
	"ADD_SCENE_WECHAT_ADVERTISEMENT", "ADD_SCENE_OTHERS"}

func (w *world) person(n uint32) person {
	p := person{n: n}
	p.hasUnionID = w.chance(n, 1) < w.share.WithUnionID
	p.isMiniUser = p.hasUnionID && w.chance(n, 2) < w.share.MiniUser
	p.reachable = w.chance(n, 3) >= w.share.Unreachable
	h := w.hash(n, 4)
	p.subscribeTime = w.epoch.Add(-time.Duration(h%(3*365*24*3600)) * time.Second)
	p.scene = scenes[(h>>32)%uint64(len(scenes))]
	for tag := 100; tag < 103; tag++ {
		if (h>>(40+tag-100))&3 == 0 {
			p.tags = append(p.tags, tag)
		}
	}
	return p
}

// strangers are mini users who do not follow the account: numbers from here up.
const strangers = 1 << 31

// hash is a number that depends on the seed, the person and the question alone.
func (w *world) hash(n uint32, question uint64) uint64 {
	x := w.seed*0x9e3779b97f4a7c15 + uint64(n)*0xbf58476d1ce4e5b9 + question*0x94d049bb133111eb
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func (w *world) chance(n uint32, question uint64) float64 {
	return float64(w.hash(n, question)>>11) / (1 << 53)
}

// codec turns a person's number into an id of WeChat's shape and back, without a
// table: the number is encrypted, so ids look random and a made-up one is noticed.
type codec struct {
	block  cipher.Block
	prefix string
}

func newCodec(seed uint64, kind, prefix string) codec {
	key := make([]byte, 16)
	binary.LittleEndian.PutUint64(key, seed)
	copy(key[8:], kind)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	var salt [16]byte
	block.Encrypt(salt[:], salt[:])
	for len(prefix) < 6 { // an account's openids begin alike
		prefix += base64.RawURLEncoding.EncodeToString(salt[:])[len(prefix) : len(prefix)+1]
	}
	return codec{block, prefix}
}

func (c codec) encode(n uint32) string {
	var b [16]byte
	binary.LittleEndian.PutUint32(b[:], n)
	c.block.Encrypt(b[:], b[:])
	id := make([]byte, 28)
	copy(id, c.prefix)
	base64.RawURLEncoding.Encode(id[6:], b[:])
	return string(id)
}

func (c codec) decode(id string) (n uint32, ok bool) {
	if len(id) != 28 || id[:6] != c.prefix {
		return 0, false
	}
	var b [18]byte
	if m, err := base64.RawURLEncoding.Decode(b[:], []byte(id[6:])); err != nil || m != 16 {
		return 0, false
	}
	c.block.Decrypt(b[:16], b[:16])
	for _, zero := range b[4:16] {
		if zero != 0 {
			return 0, false
		}
	}
	return binary.LittleEndian.Uint32(b[:4]), true
}
