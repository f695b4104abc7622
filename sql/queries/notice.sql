-- name: raise-notice
-- One that stands already is left alone. An alert that ended and comes back goes on, if
-- nobody can have been told of its end; or else it is told anew.
-- $1 account; $2 key; $3 kind; $4 title; $5 body; $6 data; $7 now, UTC.
INSERT INTO notices (account_id, notice_key, kind, title, body, data, raised_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id, notice_key) DO UPDATE SET over_at = NULL, title = excluded.title, body = excluded.body,
    data = excluded.data WHERE notices.over_at IS NOT NULL;

-- name: alert-stands
-- $1 account; $2 key.
SELECT EXISTS (SELECT 1 FROM notices WHERE account_id = $1 AND notice_key = $2 AND kind = 'alert' AND over_at IS NULL);

-- name: drop-untold
-- An alert that ends before anyone was told of it was none.
-- $1 account; $2 key.
DELETE FROM notices WHERE account_id = $1 AND notice_key = $2 AND kind = 'alert' AND told_at IS NULL
    AND over_at IS NULL;

-- name: end-notice
-- $1 account; $2 key; $3 now, UTC.
UPDATE notices SET over_at = $3 WHERE account_id = $1 AND notice_key = $2 AND kind = 'alert' AND over_at IS NULL;

-- name: end-old-notice
-- $1 account; $2 key; $3 now; $4 raised before, UTC.
UPDATE notices SET over_at = $3 WHERE account_id = $1 AND notice_key = $2 AND kind = 'alert' AND over_at IS NULL
    AND raised_at < $4;

-- name: end-broadcast-alerts
-- End the alerts of broadcasts that need nobody any more, whoever resumed them.
-- $1 account; $2 now, UTC.
UPDATE notices SET over_at = $2
WHERE account_id = $1 AND kind = 'alert' AND over_at IS NULL AND notice_key LIKE 'broadcast:%'
  AND NOT EXISTS (SELECT 1 FROM broadcasts b
      WHERE b.account_id = $1 AND notices.notice_key = 'broadcast:' || CAST(b.id AS TEXT)
          AND b.state IN ('paused', 'waiting'));

-- name: end-channel-alerts
-- Likewise those of single channels: whose broadcast runs by others, and which have stopped.
-- $1 account; $2 now, UTC.
UPDATE notices SET over_at = $2
WHERE account_id = $1 AND kind = 'alert' AND over_at IS NULL AND notice_key LIKE 'channel:%'
  AND NOT EXISTS (SELECT 1 FROM broadcasts b JOIN broadcast_channels c ON c.account_id = b.account_id
          AND c.broadcast_id = b.id
      WHERE b.account_id = $1 AND b.state = 'running' AND c.state <> 'running'
          AND notices.notice_key = 'channel:' || CAST(b.id AS TEXT) || ':' || c.channel);

-- name: pending-notices
-- What is to be told: what was not yet, and the end of alerts.
-- $1 account; $2 at most.
SELECT id, notice_key, kind, title, body, data, raised_at, over_at FROM notices
    WHERE account_id = $1 AND (told_at IS NULL OR over_at IS NOT NULL) ORDER BY id LIMIT $2;

-- name: notice-told
-- $1 notice; $2 now, UTC.
UPDATE notices SET told_at = $2 WHERE id = $1;

-- name: telling-end
-- The end of an alert is about to be told: should it come back meanwhile, or should we
-- die, nobody knows that they were told of it.
-- $1 notice.
UPDATE notices SET told_at = NULL WHERE id = $1 AND over_at IS NOT NULL;

-- name: drop-notice
-- An alert that is over, unless it has come back.
-- $1 notice.
DELETE FROM notices WHERE id = $1 AND over_at IS NOT NULL;

-- name: report-days
-- The days whose report was kept, the latest first.
-- $1 account.
SELECT notice_key FROM notices WHERE account_id = $1 AND kind = 'report' ORDER BY notice_key DESC;

-- name: kept-report
-- $1 account; $2 key.
SELECT data FROM notices WHERE account_id = $1 AND notice_key = $2 AND kind = 'report';

-- name: standing-alerts
-- Alerts that are not over, the latest first.
-- $1 account; $2 at most.
SELECT id, notice_key, kind, title, body, data, raised_at, over_at FROM notices
    WHERE account_id = $1 AND kind = 'alert' AND over_at IS NULL ORDER BY id DESC LIMIT $2;
