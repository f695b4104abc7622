-- name: count-followers
-- $1 account.
SELECT COUNT(CASE WHEN subscribed THEN 1 END) AS followers,
       COUNT(CASE WHEN subscribed AND unionid IS NOT NULL THEN 1 END) AS with_unionid,
       COUNT(CASE WHEN NOT subscribed THEN 1 END) AS unfollowed
FROM followers WHERE account_id = $1;

-- name: follower-growth
-- Followers gained and lost between two instants.
-- $1 account; $2 from; $3 to, UTC.
SELECT COUNT(CASE WHEN subscribe_time >= $2 AND subscribe_time < $3 THEN 1 END) AS gained,
       COUNT(CASE WHEN unfollowed_at >= $2 AND unfollowed_at < $3 THEN 1 END) AS lost
FROM followers WHERE account_id = $1;
