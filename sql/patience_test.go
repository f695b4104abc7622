package store

import (
	"context"
	"database/sql/driver"
	"testing"
	"testing/synctest"
	"time"
)

// A statement that had worked for half a minute when the database went away is tried again for as
// long as any other.
func TestALongStatementIsNotGivenUpSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, tries := time.Now(), 0
		err := (&DB{engine: Postgres}).retryTransient(t.Context(), func(context.Context) error {
			if tries++; tries == 1 {
				time.Sleep(25 * time.Second)
			}
			if time.Since(begun) < 50*time.Second { // away for 25 seconds
				return driver.ErrBadConn
			}
			return nil
		})
		if err != nil {
			t.Errorf("given up after %v (%v): it was away for 25 seconds, and waited for is 30", time.Since(begun), err)
		}
	})
}
