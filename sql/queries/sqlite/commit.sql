-- name: add-commit
-- That a transaction happened, for the one that repeats it: no row where it did.
-- $1 account; $2 the transaction's own id; $3 now, UTC.
INSERT INTO commits (account_id, id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
