-- name: add-draft
-- $1 account; $2 spec; $3 makers as JSON; $4 now, UTC.
INSERT INTO drafts (account_id, spec, makers, created_at, changed_at) VALUES ($1, $2, $3, $4, $4) RETURNING id;

-- name: list-drafts
-- $1 account; $2 at most.
SELECT id, spec, version, makers, created_at, changed_at FROM drafts WHERE account_id = $1 ORDER BY id DESC LIMIT $2;

-- name: get-draft
-- $1 account; $2 draft.
SELECT id, spec, version, makers, created_at, changed_at FROM drafts WHERE account_id = $1 AND id = $2;

-- name: change-draft
-- If it is still the version that was changed.
-- $1 account; $2 draft; $3 version; $4 spec; $5 makers as JSON; $6 now, UTC.
UPDATE drafts SET spec = $4, makers = $5, changed_at = $6, version = version + 1
WHERE account_id = $1 AND id = $2 AND version = $3;

-- name: drop-draft
-- $1 account; $2 draft; $3 version.
DELETE FROM drafts WHERE account_id = $1 AND id = $2 AND version = $3;

-- name: drop-draft-files
-- $1 account; $2 draft.
DELETE FROM draft_files WHERE account_id = $1 AND draft_id = $2;

-- name: put-draft-file
-- $1 account; $2 draft; $3 name; $4 content; $5 now, UTC.
INSERT INTO draft_files (account_id, draft_id, name, content, added_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, draft_id, name) DO UPDATE SET content = excluded.content, added_at = excluded.added_at;

-- name: list-draft-files
-- $1 account; $2 draft.
SELECT name, length(content) AS size FROM draft_files WHERE account_id = $1 AND draft_id = $2 ORDER BY name;

-- name: get-draft-file
-- $1 account; $2 draft; $3 name.
SELECT content FROM draft_files WHERE account_id = $1 AND draft_id = $2 AND name = $3;

-- name: drop-old-draft-files
-- Of drafts that nobody has changed for long: lists hold people's ids.
-- $1 account; $2 before, UTC; $3 at most.
DELETE FROM draft_files WHERE account_id = $1 AND (draft_id, name) IN (SELECT f.draft_id, f.name FROM draft_files f
    JOIN drafts d ON d.account_id = f.account_id AND d.id = f.draft_id
    WHERE f.account_id = $1 AND d.changed_at < $2 ORDER BY f.draft_id LIMIT $3);

-- name: all-draft-files
-- $1 account.
SELECT draft_id, name FROM draft_files WHERE account_id = $1 ORDER BY draft_id, name;

-- name: drop-draft-file
-- $1 account; $2 draft; $3 name.
DELETE FROM draft_files WHERE account_id = $1 AND draft_id = $2 AND name = $3;

-- name: put-approval-makers
-- $1 account; $2 broadcast; $3 makers as JSON.
INSERT INTO approvals (account_id, broadcast_id, makers) VALUES ($1, $2, $3) ON CONFLICT (account_id, broadcast_id) DO NOTHING;

-- name: ask-approval
-- $1 account; $2 broadcast; $3 by; $4 now, UTC; $5 recipients.
INSERT INTO approvals (account_id, broadcast_id, makers, asked_by, asked_at, recipients) VALUES ($1, $2, '[]', $3, $4, $5)
ON CONFLICT (account_id, broadcast_id) DO UPDATE SET asked_by = excluded.asked_by, asked_at = excluded.asked_at,
    recipients = excluded.recipients, decided_by = '', decided_at = NULL, approved = FALSE, reason = '';

-- name: decide-approval
-- If it is still what was asked for, and nobody has decided.
-- $1 account; $2 broadcast; $3 asked by; $4 asked at; $5 by; $6 now, UTC; $7 approved; $8 reason.
UPDATE approvals SET decided_by = $5, decided_at = $6, approved = $7, reason = $8
WHERE account_id = $1 AND broadcast_id = $2 AND asked_by = $3 AND asked_at = $4 AND decided_by = '';

-- name: get-approval
-- $1 account; $2 broadcast.
SELECT makers, asked_by, asked_at, recipients, decided_by, decided_at, approved, reason FROM approvals
    WHERE account_id = $1 AND broadcast_id = $2;

-- name: waiting-approvals
-- Of drafts that somebody has asked for, and nobody has decided, the oldest first.
-- $1 account; $2 asked after, UTC; $3 at most.
SELECT b.id, b.name FROM broadcasts b JOIN approvals a ON a.account_id = b.account_id AND a.broadcast_id = b.id
WHERE b.account_id = $1 AND b.finished_at IS NULL AND b.state = 'draft' AND a.account_id = $1 AND a.asked_by <> ''
    AND a.decided_by = '' AND a.asked_at > $2 ORDER BY b.id LIMIT $3;

-- name: lock-makers
-- $1 account; $2 broadcast.
UPDATE approvals SET makers = makers WHERE account_id = $1 AND broadcast_id = $2 RETURNING makers;

-- name: set-makers
-- $1 account; $2 broadcast; $3 makers as JSON.
UPDATE approvals SET makers = $3 WHERE account_id = $1 AND broadcast_id = $2;

-- name: count-fixed
-- $1 account; $2 broadcast.
SELECT fixed_count FROM broadcasts WHERE account_id = $1 AND id = $2;
