-- name: get-broadcast-channel
-- $1 account; $2 broadcast; $3 channel.
SELECT app_id, template_id FROM broadcast_channels WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3;

-- name: holding-channels
-- The channels of a broadcast by which messages that did not leave hold something.
-- $1 account; $2 broadcast.
SELECT channel, app_id, template_id FROM broadcast_channels c WHERE c.account_id = $1 AND c.broadcast_id = $2
  AND EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = $1 AND d.broadcast_id = $2 AND d.channel = c.channel
      AND d.state = 'pending' AND d.right_at IS NOT NULL AND d.open_since IS NULL);

-- name: find-windows
-- $1 account; $2 openid.
SELECT kind, opened_at, closes_at, messages FROM windows WHERE account_id = $1 AND openid = $2 ORDER BY closes_at DESC;

-- name: is-first-channel
-- $1 account; $2 broadcast; $3 channel.
SELECT position = 0 FROM broadcast_channels WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3;

-- name: drop-closed-windows
-- $1 account; $2 closed before, UTC; $3 at most.
DELETE FROM windows WHERE account_id = $1 AND (openid, kind) IN (
    SELECT w.openid, w.kind FROM windows w WHERE w.account_id = $1 AND w.closes_at < $2 LIMIT $3);
