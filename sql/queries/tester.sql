-- name: add-testers
-- Those who are none yet, as long as there are not too many.
-- $1 account; $2 now, UTC; $3 source; $4 openids as a JSON array; $5 testers at most; %s the openids.
INSERT INTO testers (account_id, openid, since, source)
SELECT $1, r.value, $2, $3 FROM (SELECT DISTINCT v.value FROM (%s) v) r
WHERE NOT EXISTS (SELECT 1 FROM testers t WHERE t.account_id = $1 AND t.openid = r.value)
LIMIT (SELECT CASE WHEN COUNT(*) > $5 THEN 0 ELSE $5 - COUNT(*) END FROM testers WHERE account_id = $1)
ON CONFLICT (account_id, openid) DO NOTHING;

-- name: list-testers
-- $1 account.
SELECT openid, since, source FROM testers WHERE account_id = $1 ORDER BY since, openid;

-- name: find-tester
-- $1 account; $2 openid.
SELECT openid, since, source FROM testers WHERE account_id = $1 AND openid = $2;

-- name: remove-testers
-- $1 account; $2 openids as a JSON array; %s the openids.
DELETE FROM testers WHERE account_id = $1 AND openid IN (%s);

-- name: forget-tester
-- $1 account; $2 openid.
DELETE FROM testers WHERE account_id = $1 AND openid = $2;
