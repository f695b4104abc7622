-- name: add-broadcast
-- One that another process has just added is left alone.
-- $1 account; $2 mini program; $3 name; $4 content_hash; $5 spec; $6 message_key; $7 state; $8 now, UTC; $9 audience;
-- $10 rate; $11 priority; $12 canary; $13 canary_share; $14 resume_at or NULL; $15 takes_until or NULL,
-- UTC: of single messages nothing is to be fixed.
INSERT INTO broadcasts (account_id, mini_id, name, content_hash, spec, message_key, state, created_at, audience, rate,
    priority, canary, canary_share, resume_at, fixed, takes_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, CAST($15 AS TIMESTAMPTZ) IS NOT NULL, $15)
ON CONFLICT (account_id, name, content_hash) DO NOTHING RETURNING id;

-- name: get-broadcast
-- $1 account; $2 broadcast.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts WHERE account_id = $1 AND id = $2;

-- name: broadcast-state
-- $1 account; $2 broadcast.
SELECT state FROM broadcasts WHERE account_id = $1 AND id = $2;

-- name: find-broadcasts-by-name
-- The account's broadcasts of one name, the latest first.
-- $1 account; $2 name.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts WHERE account_id = $1 AND name = $2 ORDER BY id DESC;

-- name: list-broadcasts
-- The account's broadcasts that were at work between two instants, the latest first.
-- $1 account; $2 from; $3 to, UTC.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts WHERE account_id = $1 AND created_at < $3 AND (finished_at IS NULL OR finished_at >= $2)
    ORDER BY id DESC;

-- name: broadcasts-due
-- The account's broadcasts that run, once begun, or wait for a time that has come.
-- $1 account; $2 now, UTC.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL
    AND (state = 'running' AND (worked_at IS NOT NULL OR takes_until IS NOT NULL)
        OR state = 'waiting' AND resume_at <= $2) ORDER BY id;

-- name: any-new-broadcast
-- Whether new-broadcasts finds any.
-- $1 account; $2 now, UTC.
SELECT EXISTS (SELECT 1 FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL AND takes_until IS NULL
    AND (state = 'running' AND worked_at IS NULL OR state = 'scheduled' AND resume_at <= $2));

-- name: any-broadcast
-- $1 account.
SELECT EXISTS (SELECT 1 FROM broadcasts WHERE account_id = $1);

-- name: new-broadcasts
-- Broadcasts that nobody has begun, the most urgent first. What another process is beginning is
-- left to it.
-- $1 account; $2 now, UTC; $3 at most; %s how those are left out.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL AND takes_until IS NULL
    AND (state = 'running' AND worked_at IS NULL OR state = 'scheduled' AND resume_at <= $2)
ORDER BY priority DESC, id LIMIT $3 %s;

-- name: begin-broadcasts
-- $1 account; $2 their ids as a JSON array; $3 now, UTC; %s whether it is one of them.
UPDATE broadcasts SET state = 'running', reason = '', resume_at = NULL, waits_for = NULL, worked_at = $3
    WHERE account_id = $1 AND id %s;

-- name: leave-broadcasts
-- Running ones of these are new again.
-- $1 account; $2 their ids as a JSON array; %s whether it is one of them.
UPDATE broadcasts SET worked_at = NULL
    WHERE account_id = $1 AND id %s AND state = 'running' AND takes_until IS NULL;

-- name: move-broadcast
-- Change the state, if it is still what the mover thinks it is. One that goes on is new: the
-- first process that sees it begins it, whenever it was last at work.
-- $1 account; $2 broadcast; $3 state before; $4 state after; $5 reason; $6 resume_at or NULL; $7 finished_at or NULL,
-- UTC; $8 waits_for or NULL.
UPDATE broadcasts SET state = $4, reason = $5, resume_at = $6, finished_at = $7, waits_for = $8,
    worked_at = CASE WHEN $4 = 'running' THEN NULL ELSE worked_at END
    WHERE account_id = $1 AND id = $2 AND state = $3
RETURNING id, name, takes_until IS NOT NULL AS of_messages;

-- name: end-broadcast
-- A small one is over when its last outcome is written: none of its deliveries is pending.
-- $1 account; $2 broadcast; $3 now, UTC; $4 the most recipients that are looked at.
UPDATE broadcasts SET state = 'done', reason = '', resume_at = NULL, finished_at = $3, waits_for = NULL
WHERE account_id = $1 AND id = $2 AND state = 'running' AND fixed AND fixed_count <= $4 AND canary = ''
  AND takes_until IS NULL
  AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.account_id = $1 AND l.broadcast_id = $2)
  AND NOT EXISTS (SELECT 1 FROM deliveries d
      WHERE d.account_id = $1 AND d.broadcast_id = $2 AND d.state = 'pending')
RETURNING id, name, FALSE AS of_messages;

-- name: finish-cancelled
-- A cancelled broadcast is over once nothing of it is in doubt.
-- $1 account; $2 broadcast; $3 now, UTC.
UPDATE broadcasts SET finished_at = $3
WHERE account_id = $1 AND id = $2 AND state = 'cancelled' AND finished_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.account_id = $1 AND l.broadcast_id = $2)
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = $1 AND d.broadcast_id = $2
      AND d.next_attempt_at IS NOT NULL AND d.open_since IS NOT NULL);

-- name: broadcasts-in-doubt
-- The account's broadcasts that were stopped while it was open whether some messages were out.
-- $1 account.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts b WHERE account_id = $1 AND finished_at IS NULL AND (state = 'cancelled' OR state = 'paused' AND (
    EXISTS (SELECT 1 FROM leases l WHERE l.account_id = b.account_id AND l.broadcast_id = b.id)
    OR EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = b.account_id AND d.broadcast_id = b.id
        AND d.next_attempt_at IS NOT NULL AND d.open_since IS NOT NULL)))
ORDER BY id;

-- name: keep-tally
-- $1 account; $2 broadcast; $3 its counts as JSON; $4 changes when they were read.
UPDATE broadcasts SET tally = $3
WHERE account_id = $1 AND id = $2 AND finished_at IS NOT NULL AND tally IS NULL AND changes = $4;

-- name: uncounted-broadcasts
-- The latest that are over and whose counts are not kept.
-- $1 account; $2 finished before, UTC; $3 at most.
SELECT id FROM broadcasts
WHERE account_id = $1 AND finished_at < $2 AND tally IS NULL AND finished_at IS NOT NULL AND emptied_at IS NULL
ORDER BY finished_at DESC LIMIT $3;

-- name: drop-tallies
-- Deliveries of these have changed, whose counts are kept, or about to be. They are found by their
-- ids: by the index of those that are over all of them would be read, which COALESCE rules out.
-- $1 account; $2 their ids as a JSON array; %s whether it is one of them.
UPDATE broadcasts SET tally = NULL, changes = changes + 1
WHERE account_id = $1 AND id %s AND emptied_at IS NULL
    AND COALESCE(finished_at, emptied_at) IS NOT NULL;

-- name: wake-for-quota
-- Those that wait for the quota of an API go on at once where enough of it is left.
-- $1 account; $2 app; $3 api; $4 calls that are left of it; $5 now, UTC.
UPDATE broadcasts SET resume_at = $5, waits_for = NULL
WHERE account_id = $1 AND state = 'waiting' AND finished_at IS NULL AND resume_at > $5 AND waits_for < $4
  AND EXISTS (SELECT 1 FROM broadcast_channels c WHERE c.account_id = $1 AND c.broadcast_id = broadcasts.id
      AND c.app_id = $2 AND c.api = $3);

-- name: wake-channels-for-quota
-- The same of channels of broadcasts that run by others.
-- $1 account; $2 app; $3 api; $4 calls that are left of it.
UPDATE broadcast_channels SET state = 'running', reason = '', resume_at = NULL, waits_for = NULL
WHERE account_id = $1 AND app_id = $2 AND api = $3 AND state = 'waiting' AND waits_for < $4
  AND broadcast_id IN (SELECT id FROM broadcasts b WHERE b.account_id = $1 AND b.finished_at IS NULL
      AND b.state = 'running');

-- name: loss-before
-- What another process told of a loss, while nobody has resumed a broadcast since.
-- $1 account; $2 the beginning of such a reason, as a pattern.
SELECT reason FROM broadcasts WHERE account_id = $1 AND finished_at IS NULL AND state = 'paused' AND reason LIKE $2
ORDER BY id LIMIT 1;

-- name: pause-after-loss
-- What the store tells of these is out of date.
-- $1 account; $2 reason; $3 now, UTC; $4 the beginning of such a reason, as a pattern.
UPDATE broadcasts SET state = 'paused', reason = $2, resume_at = NULL, waits_for = NULL
WHERE account_id = $1 AND finished_at IS NULL AND (state IN ('running', 'waiting')
    OR state = 'scheduled' AND resume_at <= $3 OR state = 'paused' AND reason LIKE $4)
RETURNING id, name, takes_until IS NOT NULL AS of_messages;

-- name: pause-in-backup
-- What is sent after a backup was made is not in it.
-- $1 account; $2 reason.
UPDATE broadcasts SET state = 'paused', reason = $2, resume_at = NULL, waits_for = NULL
WHERE account_id = $1 AND finished_at IS NULL AND state IN ('running', 'waiting', 'scheduled')
RETURNING id, name, takes_until IS NOT NULL AS of_messages;

-- name: set-rate
-- $1 account; $2 broadcast; $3 messages per second; $4 priority.
UPDATE broadcasts SET rate = $3, priority = $4 WHERE account_id = $1 AND id = $2;

-- name: move-canary
-- The canary of a running broadcast, and what the broadcast does of it, at once: were they
-- two, a process that died in between would let the others follow a canary that failed.
-- $1 account; $2 broadcast; $3 canary before; $4 canary after; $5 state after; $6 reason; $7 canary_until and
-- resume_at or NULL, UTC.
UPDATE broadcasts SET canary = $4, canary_until = $7, state = $5, reason = $6, resume_at = $7
    WHERE account_id = $1 AND id = $2 AND canary = $3 AND state = 'running'
RETURNING id, name, takes_until IS NOT NULL AS of_messages;

-- name: get-broadcast-for-claim
-- With the store's clock, the latest time that any transaction of the account bears, and what
-- need not be looked for: leases, deliveries that are due some time, broadcasts of a higher
-- priority that are at work, and older ones that may still be trying again. LIMIT 1 OFFSET 0
-- keeps the planner from reading the deliveries of all of them.
-- $1 account; $2 broadcast; $3 channel; $4 at work since; $5 trying again since, UTC; %s the store's clock.
SELECT b.mini_id, b.state, b.rate, b.priority, b.canary, b.canary_until, b.fixed, b.fixed_count, b.leased_to,
    b.audience, b.slot_at, b.slot_n, b.wanting, b.takes_until, c.position, c.state AS channel_state, c.template_id,
    COALESCE((SELECT n.channel FROM broadcast_channels n WHERE n.account_id = $1 AND n.broadcast_id = $2
        AND n.position = c.position + 1), '') AS next_channel, %s AS now,
    (SELECT at FROM commits WHERE account_id = $1 ORDER BY at DESC LIMIT 1) AS latest,
    EXISTS (SELECT 1 FROM blocks WHERE account_id = $1) AS any_blocks,
    EXISTS (SELECT 1 FROM optouts WHERE account_id = $1 AND NOT by_openid) AS others_opted_out,
    EXISTS (SELECT 1 FROM optouts WHERE account_id = $1 AND id >= 'forgotten:' AND id < 'forgotten;') AS any_forgotten,
    EXISTS (SELECT 1 FROM leases WHERE account_id = $1 AND broadcast_id = $2) AS any_leases,
    EXISTS (SELECT 1 FROM deliveries WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3
        AND next_attempt_at IS NOT NULL) AS any_due,
    EXISTS (SELECT 1 FROM broadcasts u WHERE u.account_id = $1 AND u.finished_at IS NULL AND u.state = 'running'
        AND u.wanting AND u.takes_until IS NULL AND u.priority > b.priority AND u.worked_at > $4) AS any_urgent,
    EXISTS (SELECT 1 FROM broadcasts o WHERE o.account_id = $1 AND o.finished_at IS NULL AND o.state = 'running'
        AND o.id < $2 AND o.takes_until IS NULL AND o.priority >= b.priority AND o.worked_at > $5 AND EXISTS (
            SELECT 1 FROM deliveries d WHERE d.account_id = $1 AND d.broadcast_id = o.id
                AND d.next_attempt_at IS NOT NULL LIMIT 1 OFFSET 0)) AS any_older
FROM broadcasts b JOIN broadcast_channels c ON c.account_id = b.account_id AND c.broadcast_id = b.id AND c.channel = $3
WHERE b.account_id = $1 AND b.id = $2;

-- name: work-elsewhere
-- Whether there is anything to do by other channels of a broadcast, and whether anything of it
-- waits for one that has stopped. Leases are the first channel's.
-- $1 account; $2 broadcast; $3 leased_to.
SELECT EXISTS (SELECT 1 FROM deliveries d JOIN broadcast_channels c
        ON c.account_id = d.account_id AND c.broadcast_id = d.broadcast_id AND c.channel = d.channel
        WHERE d.account_id = $1 AND d.broadcast_id = $2 AND d.next_attempt_at IS NOT NULL
            AND c.state = 'running') AS at_work,
    EXISTS (SELECT 1 FROM broadcast_channels c WHERE c.account_id = $1 AND c.broadcast_id = $2
        AND c.state <> 'running' AND (EXISTS (SELECT 1 FROM deliveries d
            WHERE d.account_id = $1 AND d.broadcast_id = $2 AND d.channel = c.channel AND d.next_attempt_at IS NOT NULL)
          OR c.position = 0 AND (EXISTS (SELECT 1 FROM deliveries d
            WHERE d.account_id = $1 AND d.broadcast_id = $2 AND d.recipient > $3)
              OR EXISTS (SELECT 1 FROM leases WHERE account_id = $1 AND broadcast_id = $2)))) AS stopped,
    EXISTS (SELECT 1 FROM broadcast_channels c WHERE c.account_id = $1 AND c.broadcast_id = $2
        AND c.position = 0 AND c.state = 'running') AS first_runs;

-- name: stop-channel
-- $1 account; $2 broadcast; $3 channel; $4 waiting or paused; $5 reason; $6 resume_at or NULL, UTC; $7 waits_for or
-- NULL.
UPDATE broadcast_channels SET state = $4, reason = $5, resume_at = $6, waits_for = $7
WHERE account_id = $1 AND broadcast_id = $2 AND channel = $3 AND state = 'running';

-- name: wake-channels
-- All of a broadcast that is resumed, or those whose time has come.
-- $1 account; $2 broadcast; $3 now, UTC, or NULL for all.
UPDATE broadcast_channels SET state = 'running', reason = '', resume_at = NULL, waits_for = NULL
WHERE account_id = $1 AND broadcast_id = $2 AND state <> 'running'
  AND (CAST($3 AS TIMESTAMPTZ) IS NULL OR state = 'waiting' AND resume_at <= $3);

-- name: stopped-channels
-- Those of a broadcast that have stopped; what a person has to look at first.
-- $1 account; $2 broadcast.
SELECT channel, state, reason, resume_at, waits_for FROM broadcast_channels
WHERE account_id = $1 AND broadcast_id = $2 AND state <> 'running' ORDER BY state, position;

-- name: channels-behind
-- Channels that have stopped of broadcasts that run by others.
-- $1 account.
SELECT b.id, b.name, c.channel, c.state, c.reason, c.resume_at
FROM broadcasts b JOIN broadcast_channels c ON c.account_id = b.account_id AND c.broadcast_id = b.id
WHERE b.account_id = $1 AND b.finished_at IS NULL AND b.state = 'running' AND c.state <> 'running'
ORDER BY b.id, c.position;

-- name: running-channels
-- $1 account; $2 broadcast.
SELECT COUNT(*) FROM broadcast_channels WHERE account_id = $1 AND broadcast_id = $2 AND state = 'running';

-- name: more-urgent
-- The broadcasts of the account that are at work, have more to send by an API and a higher priority.
-- Single messages are none of them: they take what time they need whoever is at work.
-- $1 account; $2 broadcast; $3 priority; $4 at work since, UTC; $5 app; $6 api.
SELECT id, rate, slot_at, slot_n FROM broadcasts
WHERE account_id = $1 AND id <> $2 AND finished_at IS NULL AND state = 'running' AND wanting AND worked_at > $4
    AND takes_until IS NULL AND priority > $3
        AND EXISTS (SELECT 1 FROM broadcast_channels c WHERE c.account_id = broadcasts.account_id
        AND c.broadcast_id = broadcasts.id AND c.app_id = $5 AND c.api = $6 LIMIT 1 OFFSET 0)
ORDER BY priority DESC, id;

-- name: advance-broadcast
-- $1 account; $2 broadcast; $3 leased_to; $4 now, UTC; $5 slot_at or NULL, UTC; $6 slot_n.
UPDATE broadcasts SET leased_to = $3, worked_at = $4, wanting = TRUE, started_at = COALESCE(started_at, $4),
    slot_at = COALESCE($5, slot_at), slot_n = CASE WHEN $5 IS NULL THEN slot_n ELSE $6 END
    WHERE account_id = $1 AND id = $2;

-- name: rest-broadcast
-- Nothing of it could be claimed.
-- $1 account; $2 broadcast.
UPDATE broadcasts SET wanting = FALSE WHERE account_id = $1 AND id = $2;

-- name: survey
-- What there is to do of some broadcasts, by each of their channels.
-- $1 account; $2 their ids as a JSON array; $3 now, UTC; $4 ids of leases that the asking process holds as a JSON
-- array; %[1]s whether it is one of them; %[2]s the held ones.
SELECT b.id, c.channel, c.position, c.state = 'running' AS runs, b.state, b.rate, b.priority, b.canary,
    b.canary_until, b.fixed, b.slot_at,
    b.slot_n, b.takes_until, EXISTS (SELECT 1 FROM deliveries d
        WHERE d.account_id = b.account_id AND d.broadcast_id = b.id AND d.recipient > b.leased_to) AS fresh,
    (SELECT d.next_attempt_at FROM deliveries d
        WHERE d.account_id = b.account_id AND d.broadcast_id = b.id AND d.channel = c.channel
            AND d.next_attempt_at IS NOT NULL ORDER BY d.next_attempt_at LIMIT 1) AS next_due,
    EXISTS (SELECT 1 FROM leases l WHERE l.account_id = b.account_id AND l.broadcast_id = b.id) AS leased,
    EXISTS (SELECT 1 FROM leases l WHERE l.account_id = b.account_id AND l.broadcast_id = b.id AND l.leased_until < $3
        AND l.id NOT IN (SELECT CAST(k.value AS BIGINT) FROM (%[2]s) k)) AS lapsed,
    EXISTS (SELECT 1 FROM leases l WHERE l.account_id = b.account_id AND l.broadcast_id = b.id AND (l.leased_until >= $3
        OR l.id IN (SELECT CAST(k.value AS BIGINT) FROM (%[2]s) k))) AS alive
FROM broadcasts b JOIN broadcast_channels c ON c.account_id = b.account_id AND c.broadcast_id = b.id
WHERE b.account_id = $1 AND b.id %[1]s AND b.finished_at IS NULL;

-- name: get-fixing
-- Each with the first of its channels, which has a new delivery.
-- $1 account; $2 a JSON array of broadcasts; %[1]s that it is one of them.
SELECT b.id, b.mini_id, b.fixed, b.fixed_to, b.fixed_count, b.audience, b.canary_share, b.message_key, c.channel
FROM broadcasts b JOIN broadcast_channels c ON c.account_id = b.account_id AND c.broadcast_id = b.id AND c.position = 0
WHERE b.account_id = $1 AND b.id %[1]s;

-- name: advance-fixing
-- $1 account; $2 broadcast; $3 fixed_to; $4 fixed; $5 how many more.
UPDATE broadcasts SET fixed_to = $3, fixed = $4, fixed_count = fixed_count + $5 WHERE account_id = $1 AND id = $2;

-- name: add-broadcast-channel
-- $1 account; $2 broadcast; $3 channel; $4 position; $5 app; $6 api; $7 template.
INSERT INTO broadcast_channels (account_id, broadcast_id, channel, position, app_id, api, template_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: list-broadcast-channels
-- $1 account; $2 broadcast.
SELECT channel, app_id, api, template_id, state, reason, resume_at FROM broadcast_channels
    WHERE account_id = $1 AND broadcast_id = $2 ORDER BY position;

-- name: add-broadcast-file
-- $1 account; $2 broadcast; $3 name; $4 content.
INSERT INTO broadcast_files (account_id, broadcast_id, name, content) VALUES ($1, $2, $3, $4);

-- name: get-broadcast-file
-- $1 account; $2 broadcast; $3 name.
SELECT content FROM broadcast_files WHERE account_id = $1 AND broadcast_id = $2 AND name = $3;

-- name: drop-broadcast-files
-- $1 account; $2 broadcast.
DELETE FROM broadcast_files WHERE account_id = $1 AND broadcast_id = $2;

-- name: page-broadcasts
-- The account's broadcasts, the latest first; not those that hold single messages.
-- $1 account; $2 with a lower id; $3 at most.
SELECT id, account_id, mini_id, name, content_hash, spec, audience, message_key, state, reason, resume_at, rate,
    priority, canary,
    canary_until, fixed, fixed_count, created_at, started_at, finished_at, tally, changes,
    emptied_at, takes_until, worked_at
FROM broadcasts WHERE account_id = $1 AND id < $2 AND takes_until IS NULL ORDER BY id DESC LIMIT $3;
