-- name: add-events
-- $1 account; $2 now, UTC; $3 type; $4 what they share, JSON; $5 what is each one's own, a JSON array; $6 how many.
INSERT INTO events (account_id, at, type, shared, own, n) VALUES ($1, $2, $3, $4, $5, $6);

-- name: any-unnumbered-events
-- $1 account.
SELECT EXISTS (SELECT 1 FROM events WHERE account_id = $1 AND last_seq IS NULL);

-- name: lock-event-end
-- The last number that was given; nobody else gives one before the transaction ends.
-- $1 account.
INSERT INTO event_ends (account_id, last_seq) VALUES ($1, 0)
ON CONFLICT (account_id) DO UPDATE SET last_seq = event_ends.last_seq RETURNING last_seq;

-- name: number-events
-- $1 account; $2 the last number that was given; $3 rows at most.
UPDATE events SET last_seq = x.last_seq
FROM (SELECT e.account_id, e.id, CAST($2 AS BIGINT) + SUM(e.n) OVER (ORDER BY e.id) AS last_seq
      FROM (SELECT u.account_id, u.id, u.n FROM events u WHERE u.account_id = $1 AND u.last_seq IS NULL
            ORDER BY u.id LIMIT $3) e) x
WHERE events.account_id = $1 AND x.account_id = $1 AND events.id = x.id
RETURNING events.last_seq;

-- name: set-event-end
-- $1 account; $2 the last number that was given.
UPDATE event_ends SET last_seq = $2 WHERE account_id = $1;

-- name: event-ends
-- The last number that was given, and the one before the first that is kept.
-- $1 account.
SELECT COALESCE((SELECT last_seq FROM event_ends WHERE account_id = $1), 0) AS last,
    COALESCE((SELECT e.last_seq - e.n FROM events e WHERE e.account_id = $1 AND e.last_seq IS NOT NULL
        ORDER BY e.last_seq LIMIT 1),
        (SELECT last_seq FROM event_ends WHERE account_id = $1), 0) AS before_first;

-- name: seen-events
-- The last number that was given, and how many events have none yet.
-- $1 account; $2 rows of them at most.
SELECT COALESCE((SELECT last_seq FROM event_ends WHERE account_id = $1), 0) AS last,
    (SELECT COALESCE(SUM(x.n), 0) FROM (SELECT e.n FROM events e WHERE e.account_id = $1 AND e.last_seq IS NULL
        ORDER BY e.id LIMIT $2) x) AS unnumbered;

-- name: list-events
-- $1 account; $2 after this number; $3 up to this one; $4 types as a JSON array; $5 all types; $6 rows at most;
-- %s the types.
SELECT type, at, shared, own, n, last_seq FROM events
WHERE account_id = $1 AND last_seq > $2 AND last_seq <= $3 AND last_seq IS NOT NULL AND ($5 OR type IN (%s))
ORDER BY last_seq LIMIT $6;

-- name: event-ids
-- The first and the last row that is kept.
-- $1 account.
SELECT COALESCE((SELECT id FROM events WHERE account_id = $1 ORDER BY id LIMIT 1), 0) AS first,
    COALESCE((SELECT id FROM events WHERE account_id = $1 ORDER BY id DESC LIMIT 1), 0) AS last;

-- name: latest-events
-- The latest first, whether they have numbers or not.
-- $1 account; $2 before this row; $3 from this one; $4 types as a JSON array; $5 all types; $6 rows at most;
-- %s the types.
SELECT id, type, at, shared, own, n, COALESCE(last_seq, 0) AS last_seq FROM events
WHERE account_id = $1 AND id < $2 AND id >= $3 AND ($5 OR type IN (%s))
ORDER BY id DESC LIMIT $6;

-- name: name-messages
-- What callers know messages by.
-- $1 account; $2 messages as a JSON array; %s whether it is one of them.
SELECT id, COALESCE(message_key, '') AS message_key, preset FROM messages WHERE account_id = $1 AND id %s;

-- name: forget-in-events
-- An id is a whole text of the JSON, and may be a part of another, or a key: it stands behind a
-- colon, or between two commas.
-- $1 account; $2 openid, unionid or mini_openid; $3 the name that stands for it, both as JSON.
UPDATE events SET own = REPLACE(REPLACE(own, ':' || CAST($2 AS TEXT), ':' || CAST($3 AS TEXT)),
    ',' || CAST($2 AS TEXT) || ',', ',' || CAST($3 AS TEXT) || ',')
WHERE account_id = $1 AND own LIKE '%' || CAST($2 AS TEXT) || '%';

-- name: drop-old-events
-- $1 account; $2 before, UTC; $3 at most.
DELETE FROM events WHERE account_id = $1 AND id IN (
    SELECT x.id FROM events x WHERE x.account_id = $1 AND x.at < $2 ORDER BY x.id LIMIT $3);
