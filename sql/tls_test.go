package store

import "testing"

// Off this machine a database's certificate is verified, where the URL does not say otherwise.
func TestDatabasesElsewhereAreVerified(t *testing.T) {
	for hosts, want := range map[string]string{
		"127.0.0.1:5432": "prefer", "localhost": "prefer", "[::1]:5432": "prefer", "": "prefer",
		"db.example:5432": "verify-full", "10.0.0.5": "verify-full", "localhost:1,db.example:2": "verify-full",
		"[2001:db8::1]:5432": "verify-full", "localhost.example": "verify-full",
	} {
		if got := sslMode(hosts); got != want {
			t.Errorf("%q: sslmode=%s, want %s", hosts, got, want)
		}
	}
}
