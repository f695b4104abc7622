package simulator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// sealer signs and encrypts what WeChat sends to the account's server. It is
// written from WeChat's documents and shares nothing with the adapter's own.
type sealer struct {
	token, aesKey, appid string
	random               string // 16 bytes
	nonce                string
}

// sign is the hex SHA-1 of the sorted parts.
func sign(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// padBlock is WeChat's block for PKCS#7: 32, though AES has 16.
const padBlock = 32

// encrypt seals a message: random, length, message and appid, padded, AES-256-CBC
// with the first 16 bytes of the key as IV, base64.
func (s sealer) encrypt(plain []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(s.aesKey + "=")
	if err != nil || len(key) != 32 || len(s.random) != 16 {
		return "", errors.New("simulator: bad EncodingAESKey or random")
	}
	b := append([]byte(s.random), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[16:], uint32(len(plain)))
	b = append(append(b, plain...), s.appid...)
	pad := padBlock - len(b)%padBlock
	for range pad {
		b = append(b, byte(pad))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(b, b)
	return base64.StdEncoding.EncodeToString(b), nil
}
