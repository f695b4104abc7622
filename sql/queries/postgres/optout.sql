-- name: add-optouts
-- A follower stands by their openid, anyone else by the id that was given.
-- $1 account; $2 now, UTC; $3 source; $4 openids, unionids or mini_openids as a JSON array.
INSERT INTO optouts (account_id, id, by_openid, since, source)
SELECT DISTINCT ON (id) $1::bigint, COALESCE(f.openid, i.given) AS id, f.openid IS NOT NULL, $2::timestamptz, $3
FROM json_array_elements_text($4::json) AS i (given)
LEFT JOIN followers f ON f.account_id = $1 AND (f.openid = i.given OR f.unionid = i.given)
ON CONFLICT (account_id, id) DO NOTHING RETURNING id;

-- name: unknown-ids
-- Which of these ids are no follower's.
-- $1 account; $2 openids or unionids as a JSON array.
SELECT i.id FROM json_array_elements_text($2::json) AS i (id)
WHERE NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.openid = i.id)
  AND NOT EXISTS (SELECT 1 FROM followers f WHERE f.account_id = $1 AND f.unionid = i.id);

-- name: remove-optouts
-- Whichever of the person's ids is given, and whichever they stand by.
-- $1 account; $2 openids, unionids or mini_openids as a JSON array.
DELETE FROM optouts WHERE account_id = $1 AND id IN (
    SELECT unnest(ARRAY[i.id, f.openid, f.unionid]) FROM json_array_elements_text($2::json) AS i (id)
    LEFT JOIN followers f ON f.account_id = $1 AND (f.openid = i.id OR f.unionid = i.id))
RETURNING id, beside;
