-- name: follower-states
-- Which of these openids are stored, and whether they follow.
-- $1 account; $2 openids as a JSON array.
SELECT f.openid, f.subscribed FROM json_array_elements_text($2::json) AS o (openid)
CROSS JOIN LATERAL (SELECT openid, subscribed FROM followers WHERE account_id = $1 AND openid = o.openid OFFSET 0) f;

-- name: upsert-followers
-- Insert followers or refresh those stored, each openid once; a reply without a unionid keeps the one we had. Who was gone
-- after WeChat was asked stays gone.
-- $1 account; $2 now, UTC; $3 JSON array of {openid, unionid, subscribe_time, scene, remark, tags}; $4 run;
-- $5 when WeChat was asked, UTC.
INSERT INTO followers (account_id, openid, unionid, subscribed, subscribe_time, subscribe_scene, remark, tags,
    first_seen_at, details_at, unionid_asks, sync_run_id)
SELECT $1, openid, unionid, TRUE, subscribe_time, scene, remark, tags, $2, $2, CASE
    WHEN unionid IS NULL THEN 1 ELSE 0 END, $4
FROM json_to_recordset($3::json) AS r (openid text, unionid text, subscribe_time timestamptz, scene text, remark text,
    tags text)
ON CONFLICT (account_id, openid) DO UPDATE SET
    unionid = COALESCE(excluded.unionid, followers.unionid),
    subscribe_time = excluded.subscribe_time,
    subscribe_scene = excluded.subscribe_scene,
    remark = excluded.remark,
    tags = excluded.tags,
    details_at = excluded.details_at,
    unionid_asks = CASE WHEN excluded.unionid IS NULL THEN followers.unionid_asks + 1 ELSE 0 END,
    refollowed_at = CASE WHEN followers.subscribed THEN followers.refollowed_at ELSE excluded.details_at END,
    sync_run_id = excluded.sync_run_id,
    subscribed = TRUE
-- A row that says the same already is not rewritten.
WHERE (followers.subscribed OR followers.gone_as_of IS NULL OR followers.gone_as_of < $5)
  AND (NOT followers.subscribed OR excluded.unionid IS NULL OR followers.unionid IS DISTINCT FROM excluded.unionid
   OR followers.subscribe_time IS DISTINCT FROM excluded.subscribe_time OR followers.subscribe_scene <> excluded.subscribe_scene
   OR followers.remark <> excluded.remark OR followers.tags <> excluded.tags);

-- name: unfollow
-- Mark followers as gone, as of a time: who has followed again since stays. A row is changed
-- once; its history stays. No listing brought it to this state, whatever run it is from.
-- $1 account; $2 now, UTC; $3 openids as a JSON array; $4 when they were gone, UTC.
UPDATE followers SET subscribed = FALSE, unfollowed_at = $2, gone_as_of = $4, sync_run_id = 0
WHERE account_id = $1 AND subscribed AND openid IN (SELECT value FROM json_array_elements_text($3::json))
    AND COALESCE(subscribe_time, details_at) < $4
RETURNING openid, unionid;

-- name: growth-by-day
-- Followers gained and lost, by Beijing day, counted from the one of 1970-01-01.
-- $1 account; $2 from; $3 to, UTC.
SELECT day, SUM(gained) AS gained, SUM(lost) AS lost FROM (
    SELECT floor((extract(epoch FROM subscribe_time) + 28800) / 86400)::bigint AS day, 1 AS gained, 0 AS lost
        FROM followers WHERE account_id = $1 AND subscribe_time >= $2 AND subscribe_time < $3
    UNION ALL
    SELECT floor((extract(epoch FROM unfollowed_at) + 28800) / 86400)::bigint, 0, 1 FROM followers
        WHERE account_id = $1 AND unfollowed_at >= $2 AND unfollowed_at < $3) moves
GROUP BY day;
