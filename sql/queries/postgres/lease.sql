-- name: delete-leases
-- $1 account; $2 worker; $3 lease ids as a JSON array.
DELETE FROM leases WHERE account_id = $1 AND worker = $2
    AND id IN (SELECT value::bigint FROM json_array_elements_text($3::json));

-- name: renew-leases
-- $1 account; $2 worker; $3 lease ids as a JSON array; $4 until so many microseconds from now.
UPDATE leases SET leased_until = now() + CAST($4 AS BIGINT) * INTERVAL '1 microsecond'
WHERE account_id = $1 AND worker = $2
    AND id IN (SELECT value::bigint FROM json_array_elements_text($3::json)) RETURNING id;

-- name: lapsed-leases
-- Leases whose worker is gone. What the asking process still holds is not among them: it
-- may have sent those, and the store has been too far away for it to say so.
-- $1 account; $2 broadcast; $3 now, UTC; $4 lease ids of the asking process as a JSON array.
SELECT id, from_recipient, to_recipient, claimed_at FROM leases
WHERE account_id = $1 AND broadcast_id = $2 AND leased_until < $3
    AND id NOT IN (SELECT value::bigint FROM json_array_elements_text($4::json));
