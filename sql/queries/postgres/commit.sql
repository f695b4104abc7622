-- name: add-commit
-- That a transaction happened, for the one that repeats it: no row where it did. And what
-- is true until its end: nobody waits long for a lock, and a worker that stops inside it,
-- or whose machine dies, does not hold the others up. A pooler may stand in between.
-- It tells whether an earlier one is there, which this process knows to have happened.
-- $1 account; $2 the transaction's own id; $3 so many microseconds from now: 0 but in tests; $4 the earlier one, or ''.
WITH limits AS MATERIALIZED (
    SELECT set_config('lock_timeout', '5s', TRUE), set_config('idle_in_transaction_session_timeout', '10s', TRUE),
           set_config('tcp_user_timeout', '15s', TRUE)
)
INSERT INTO commits (account_id, id, at)
SELECT $1::bigint, $2::text, now() + $3::bigint * INTERVAL '1 microsecond' FROM limits
ON CONFLICT DO NOTHING
RETURNING $4::text = '' OR EXISTS (SELECT 1 FROM commits c WHERE c.account_id = $1 AND c.id = $4) AS known;
