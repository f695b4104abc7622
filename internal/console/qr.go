package console

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// qrCode is a QR code that is drawn as one path.
type qrCode struct {
	Size int
	Path string
}

func newQR(text string) qrCode {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{} // longer than a code holds: the text stands beside it
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	black := func(x, y int) bool {
		if x >= size {
			return false
		}
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	for y := range size {
		for x := 0; x < size; x++ {
			n := 0 // black squares side by side
			for black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x, y, n, n)
				x += n
			}
		}
	}
	return qrCode{size, path.String()}
}
