-- name: add-optouts
-- A follower stands by their openid, anyone else by the id that was given.
-- $1 account; $2 now, UTC; $3 source; $4 openids, unionids or mini_openids as a JSON array.
INSERT INTO optouts (account_id, id, by_openid, since, source)
SELECT DISTINCT $1, COALESCE(f.openid, value), f.openid IS NOT NULL, $2, $3 FROM json_each($4)
LEFT JOIN followers f ON f.account_id = $1 AND (f.openid = value OR f.unionid = value)
WHERE TRUE ON CONFLICT (account_id, id) DO NOTHING RETURNING id;

-- name: unknown-ids
-- Which of these ids are no follower's.
-- $1 account; $2 openids or unionids as a JSON array.
SELECT value FROM json_each($2)
WHERE NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.openid = value)
  AND NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.unionid = value);

-- name: remove-optouts
-- Whichever of the person's ids is given, and whichever they stand by.
-- $1 account; $2 openids, unionids or mini_openids as a JSON array.
DELETE FROM optouts WHERE account_id = $1 AND (
    id IN (SELECT value FROM json_each($2))
    OR id IN (SELECT f.openid FROM json_each($2) JOIN followers f ON f.account_id = $1 AND f.unionid = value)
    OR id IN (SELECT f.unionid FROM json_each($2) JOIN followers f ON f.account_id = $1 AND f.openid = value))
RETURNING id, beside;
