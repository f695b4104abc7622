-- name: add-blocks
-- Note who refused a template, from the deliveries whose receipts say so.
-- $1 account; $2 the first broadcast to look at; $3 now, UTC; $4 recipients as a JSON array; $5 the receipt; %s
-- the recipients.
INSERT INTO blocks (account_id, channel, template_id, recipient, since)
SELECT x.account_id, x.channel, x.template_id, x.recipient, $3
FROM (SELECT DISTINCT d.account_id, d.channel, c.template_id, d.recipient
      FROM (%s) r CROSS JOIN deliveries d
      CROSS JOIN broadcast_channels c
      WHERE d.account_id = $1 AND d.recipient || '' = r.value AND d.broadcast_id >= $2 AND d.receipt = $5
        AND c.account_id = d.account_id AND c.broadcast_id = d.broadcast_id AND c.channel = d.channel) x
WHERE TRUE
ON CONFLICT (account_id, channel, template_id, recipient) DO UPDATE SET since = excluded.since;

-- name: find-blocks
-- Which of these people refused the template that a broadcast sends by a channel.
-- $1 account; $2 broadcast; $3 channel; $4 since, UTC; $5 recipients as a JSON array; %s its elements.
SELECT k.recipient FROM blocks k
WHERE k.account_id = $1 AND k.channel = $3 AND k.since >= $4
  AND k.template_id = (SELECT template_id FROM broadcast_channels
      WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3)
  AND k.recipient IN (%s);

-- name: forget-blocks
-- $1 account; $2 recipient.
DELETE FROM blocks WHERE account_id = $1 AND recipient = $2;
