-- name: count-followers
-- The + keeps the table from being read in the order of an index, which is the slowest.
-- $1 account.
SELECT COUNT(CASE WHEN subscribed THEN 1 END) AS followers,
       COUNT(CASE WHEN subscribed AND unionid IS NOT NULL THEN 1 END) AS with_unionid,
       COUNT(CASE WHEN NOT subscribed THEN 1 END) AS unfollowed
FROM followers WHERE +account_id = $1;

-- name: follower-growth
-- Followers gained and lost between two instants.
-- $1 account; $2 from; $3 to, UTC.
SELECT COUNT(CASE WHEN subscribe_time >= $2 AND subscribe_time < $3 THEN 1 END) AS gained,
       COUNT(CASE WHEN unfollowed_at >= $2 AND unfollowed_at < $3 THEN 1 END) AS lost
FROM followers WHERE +account_id = $1;

-- name: without-unionid
-- Current followers without a unionid who are due to be asked for again, by the
-- slowing schedule, in openid order.
-- $1 account; $2 after this openid; $3-$6 read before (by times asked: 1, 2, 3, more); $7 at most.
SELECT openid FROM followers
WHERE account_id = $1 AND unionid IS NULL AND openid > $2 AND subscribed
  AND (unionid_asks <= 1 AND details_at < $3 OR unionid_asks = 2 AND details_at < $4 OR unionid_asks = 3
      AND details_at < $5 OR unionid_asks > 3 AND details_at < $6)
ORDER BY openid LIMIT $7;

-- name: flipped-followers
-- Followers who came, left or came back in [$2, $3); not those that run $4 stored,
-- because its listing holds them. The + keeps the table from being read in the
-- order of an index, which is the slowest.
-- $1 account; $2 from; $3 to, UTC; $4 base run; $5 at most.
SELECT openid, subscribed, TRUE AS flipped FROM followers
WHERE +account_id = $1 AND (sync_run_id <> $4 OR sync_run_id = 0)
  AND (first_seen_at >= $2 OR unfollowed_at >= $2 OR refollowed_at >= $2)
  AND first_seen_at < $3 AND (unfollowed_at IS NULL OR unfollowed_at < $3)
      AND (refollowed_at IS NULL OR refollowed_at < $3)
LIMIT $5;

-- name: flipped-page
-- The next followers in openid order, and whether they are such: where they are many.
-- $1 account; $2 from; $3 to, UTC; $4 base run; $5 at most; $6 after this openid.
SELECT openid, subscribed, (sync_run_id <> $4 OR sync_run_id = 0)
  AND (first_seen_at >= $2 OR COALESCE(unfollowed_at >= $2, FALSE) OR COALESCE(refollowed_at >= $2, FALSE))
  AND first_seen_at < $3 AND (unfollowed_at IS NULL OR unfollowed_at < $3)
      AND (refollowed_at IS NULL OR refollowed_at < $3) AS flipped
FROM followers WHERE account_id = $1 AND openid > $6 ORDER BY openid LIMIT $5;

-- name: find-comers
-- Which of these people came, or came back, at this moment.
-- $1 account; $2 that moment, UTC; $3 openids as a JSON array; %s the openids.
SELECT openid, unionid FROM followers WHERE account_id = $1 AND openid IN (%s) AND subscribed
    AND (first_seen_at = $2 OR refollowed_at = $2);

-- name: any-base-run
-- Whether the followers have been listed before.
-- $1 account.
SELECT EXISTS (SELECT 1 FROM sync_runs WHERE account_id = $1 AND is_base);

-- name: bump-people
-- Tell the joins that an app's people have changed.
-- $1 app.
INSERT INTO people_versions (app_id, version) VALUES ($1, 1) ON CONFLICT (app_id) DO UPDATE
    SET version = people_versions.version + 1;
