-- name: add-commit
-- That a transaction happened, for the one that repeats it: no row where it did.
-- It tells whether an earlier one is there, which this process knows to have happened.
-- $1 account; $2 the transaction's own id; $3 now, UTC; $4 the earlier one, or ''.
INSERT INTO commits (account_id, id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
RETURNING $4 = '' OR EXISTS (SELECT 1 FROM commits c WHERE c.account_id = $1 AND c.id = $4) AS known;
