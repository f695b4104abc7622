//go:build !unix

package private

// noFollow is not known here: Create looks before.
const noFollow = 0
