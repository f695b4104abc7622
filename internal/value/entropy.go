package value

import "math"

// guessBits is how much a secret has to hold, in bits, as far as its letters tell.
const guessBits = 80

// Guessable tells whether a secret is far from random: made of few letters, a word again and
// again, or a row such as abcdef. What is drawn at random, from 32 hexadecimal digits on, is
// once in a hundred million times.
func Guessable(secret string) bool {
	steps := make([]byte, 0, len(secret))
	for i := 1; i < len(secret); i++ {
		steps = append(steps, secret[i]-secret[i-1])
	}
	bits := min(entropy([]byte(secret)), entropy(steps)) * float64(len(secret))
	return bits < guessBits || repeats(secret[:min(len(secret), 64)])
}

// repeats tells whether nearly half of a text's pairs of letters were there before, as where a
// word is written twice.
func repeats(text string) bool {
	pairs := map[string]bool{}
	for i := 2; i <= len(text); i++ {
		pairs[text[i-2:i]] = true
	}
	return 100*len(pairs) < 55*(len(text)-1)
}

// entropy is that of a text's letters, in bits each.
func entropy(text []byte) (bits float64) {
	var counts [256]int
	for _, b := range text {
		counts[b]++
	}
	for _, n := range counts {
		if n > 0 {
			share := float64(n) / float64(len(text))
			bits -= share * math.Log2(share)
		}
	}
	return bits
}
