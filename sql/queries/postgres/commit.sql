-- name: add-commit
-- That a transaction happened, for the one that repeats it: no row where it did. And what
-- is true until its end: nobody waits long for a lock, and a worker that stops inside it,
-- or whose machine dies, does not hold the others up. A pooler may stand in between.
-- $1 account; $2 the transaction's own id; $3 so many microseconds from now: 0 but in tests.
WITH limits AS MATERIALIZED (
    SELECT set_config('lock_timeout', '5s', TRUE), set_config('idle_in_transaction_session_timeout', '10s', TRUE),
           set_config('tcp_user_timeout', '15s', TRUE)
)
INSERT INTO commits (account_id, id, at)
SELECT $1::bigint, $2::text, now() + $3::bigint * INTERVAL '1 microsecond' FROM limits
ON CONFLICT DO NOTHING;
