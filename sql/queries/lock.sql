-- name: acquire-lock
-- Take a free or lapsed lock; a live one is left alone. The holder's own is renewed.
-- $1 name; $2 holder; $3 now; $4 held_until, UTC.
INSERT INTO locks (name, holder, since, held_until) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, since = excluded.since, held_until = excluded.held_until
WHERE locks.held_until < $3 OR locks.holder = excluded.holder;

-- name: get-lock
-- $1 name.
SELECT holder, since, held_until FROM locks WHERE name = $1;

-- name: renew-lock
-- $1 name; $2 holder; $3 held_until, UTC.
UPDATE locks SET held_until = $3 WHERE name = $1 AND holder = $2;

-- name: release-lock
-- $1 name; $2 holder.
DELETE FROM locks WHERE name = $1 AND holder = $2;
