package store

import (
	"crypto/md5"
	"database/sql/driver"
	"encoding/binary"
	"fmt"

	"modernc.org/sqlite" // and the driver "sqlite"
)

// SQLite has no hash function of its own. This one is the first 32 bits of MD5, as
// Postgres can compute them, too: for samples that are stable, not for secrets.
func init() {
	sqlite.MustRegisterDeterministicScalarFunction("md5_32", 1,
		func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			text, ok := args[0].(string)
			if !ok {
				return nil, fmt.Errorf("md5_32 takes a text, not %T", args[0])
			}
			sum := md5.Sum([]byte(text))
			return int64(binary.BigEndian.Uint32(sum[:4])), nil
		})
}
