-- name: list-optouts
-- $1 account; $2 after this id; $3 at most.
SELECT id, since, source FROM optouts WHERE account_id = $1 AND id > $2 AND NOT beside ORDER BY id LIMIT $3;

-- name: unionids-of
-- The unionids of followers, by their openids or unionids.
-- $1 account; $2 openids or unionids as a JSON array; %[1]s the ids.
SELECT unionid FROM followers WHERE account_id = $1 AND openid IN (%[1]s) AND unionid IS NOT NULL
UNION
SELECT unionid FROM followers WHERE account_id = $1 AND unionid IN (%[1]s);

-- name: add-optouts-beside
-- $1 account; $2 now, UTC; $3 source; $4 unionids as a JSON array; %s the unionids.
INSERT INTO optouts (account_id, id, by_openid, since, source, beside)
SELECT $1, r.value, FALSE, $2, $3, TRUE FROM (%s) r WHERE TRUE ON CONFLICT (account_id, id) DO NOTHING;

-- name: name-optouts
-- Of those who stand on the list by their openid, the unionid that has become known.
-- $1 account; $2 openids as a JSON array; %s the openids.
INSERT INTO optouts (account_id, id, by_openid, since, source, beside)
SELECT o.account_id, f.unionid, FALSE, o.since, o.source, TRUE
FROM optouts o JOIN followers f ON f.account_id = o.account_id AND f.openid = o.id
WHERE o.account_id = $1 AND o.id IN (%s) AND f.unionid IS NOT NULL
ON CONFLICT (account_id, id) DO NOTHING;

-- name: any-optouts
-- Whether there are any, and any of people who were forgotten.
-- $1 account.
SELECT EXISTS (SELECT 1 FROM optouts WHERE account_id = $1) AS any_optouts,
    EXISTS (SELECT 1 FROM optouts WHERE account_id = $1 AND id >= 'forgotten:' AND id < 'forgotten;') AS forgotten;

-- name: forgotten-among
-- Which of these hashes stand on the list.
-- $1 account; $2 hashes as a JSON array; %s the hashes.
SELECT id FROM optouts WHERE account_id = $1 AND id IN (%s);

-- name: unionids-of-mini-users
-- $1 mini program; $2 mini_openids as a JSON array; %s the mini_openids.
SELECT mini_openid, unionid FROM mini_users WHERE mini_id = $1 AND mini_openid IN (%s) AND unionid <> '';

-- name: other-accounts
-- $1 account.
SELECT id FROM apps WHERE id <> $1 AND kind = 'official_account' ORDER BY id;
