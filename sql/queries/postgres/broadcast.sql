-- name: lock-broadcast
-- Serialise the claims of one broadcast until the transaction ends. Of a new broadcast
-- the planner believes that it has few rows, and would read and sort all of them: in
-- this transaction it goes by the keys.
-- $1 account; $2 broadcast.
SELECT id FROM broadcasts
WHERE account_id = $1 AND id = $2 AND set_config('jit', 'off', TRUE) = 'off'
    AND set_config('enable_sort', 'off', TRUE) = 'off'
  AND set_config('enable_bitmapscan', 'off', TRUE) = 'off' AND set_config('enable_hashjoin', 'off', TRUE) = 'off'
  AND set_config('enable_mergejoin', 'off', TRUE) = 'off' FOR UPDATE;

-- name: lock-account
-- Serialise pacing and quota of one account until the transaction ends.
-- $1 account.
SELECT id FROM apps WHERE id = $1 FOR NO KEY UPDATE;

-- name: lock-fixing
-- The broadcasts whose recipients this transaction may fix: one does at a time, beside their claims,
-- and goes by the keys as they do: not through all bridges for each round.
-- $1 a JSON array of broadcasts.
SELECT value::bigint FROM json_array_elements_text($1::json)
WHERE set_config('jit', 'off', TRUE) = 'off' AND set_config('enable_sort', 'off', TRUE) = 'off'
  AND set_config('enable_bitmapscan', 'off', TRUE) = 'off' AND set_config('enable_hashjoin', 'off', TRUE) = 'off'
  AND set_config('enable_mergejoin', 'off', TRUE) = 'off'
  AND pg_try_advisory_xact_lock(hashtextextended('wxcast fixes broadcast ' || value, 0));
