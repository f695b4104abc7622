// Package ha holds the files that docs/ha.md is about: an operator copies them, and make ha runs
// them as they are, with other addresses.
package ha

import "embed"

// Files are the configuration of etcd, Patroni, HAProxy and PgBouncer.
//
//go:embed *.env *.yml *.cfg *.ini *.txt *.sql
var Files embed.FS
