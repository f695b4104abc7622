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
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return qrCode{size, path.String()}
}
