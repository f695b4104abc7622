-- name: add-user
-- $1 name; $2 grants as JSON; $3 people; $4 SHA-256 of the link; $5 when the link ends, UTC; $6 now, UTC.
INSERT INTO users (name, grants, people, link_hash, link_ends_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO NOTHING;

-- name: list-users
SELECT id, name, grants, people, password_hash, totp_secret, link_hash, link_ends_at, subject, failed, locked_until,
    created_at, disabled_at, last_seen_at FROM users ORDER BY name;

-- name: find-user
-- $1 name.
SELECT id, name, grants, people, password_hash, totp_secret, link_hash, link_ends_at, subject, failed, locked_until,
    created_at, disabled_at, last_seen_at FROM users WHERE name = $1;

-- name: find-user-by-link
-- $1 SHA-256 of the link; $2 now, UTC.
SELECT id, name, grants, people, password_hash, totp_secret, link_hash, link_ends_at, subject, failed, locked_until,
    created_at, disabled_at, last_seen_at FROM users WHERE link_hash = $1 AND link_ends_at > $2 AND disabled_at IS NULL;

-- name: find-user-by-subject
-- $1 subject.
SELECT id, name, grants, people, password_hash, totp_secret, link_hash, link_ends_at, subject, failed, locked_until,
    created_at, disabled_at, last_seen_at FROM users WHERE subject = $1;

-- name: add-federated-user
-- $1 name; $2 grants as JSON; $3 people; $4 subject; $5 now, UTC.
INSERT INTO users (name, grants, people, subject, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING;

-- name: any-users
SELECT EXISTS (SELECT 1 FROM users WHERE disabled_at IS NULL);

-- name: grant-user
-- $1 user; $2 grants as JSON; $3 people.
UPDATE users SET grants = $2, people = $3 WHERE id = $1;

-- name: disable-user
-- The link ends, too. Sessions are ended apart.
-- $1 user; $2 now, UTC, or NULL to let them in again.
UPDATE users SET disabled_at = $2, link_hash = NULL, link_ends_at = NULL WHERE id = $1;

-- name: reset-user
-- Neither password nor second factor is good any more, only the link; who was shut out may come in by it.
-- $1 user; $2 SHA-256 of the link; $3 when it ends, UTC.
UPDATE users SET password_hash = '', totp_secret = '', totp_step = 0, link_hash = $2, link_ends_at = $3, failed = 0,
    locked_until = NULL, disabled_at = NULL WHERE id = $1;

-- name: use-link
-- $1 SHA-256 of the link; $2 password's hash; $3 sealed TOTP secret or ''; $4 now, UTC; $5 the step whose code was just used.
UPDATE users SET password_hash = $2, totp_secret = $3, totp_step = $5, link_hash = NULL, link_ends_at = NULL, failed = 0,
    locked_until = NULL WHERE link_hash = $1 AND link_ends_at > $4 AND disabled_at IS NULL;

-- name: set-password
-- $1 user; $2 password's hash.
UPDATE users SET password_hash = $2 WHERE id = $1;

-- name: set-totp
-- $1 user; $2 sealed secret, or '' for none; $3 the step whose code was just used.
UPDATE users SET totp_secret = $2, totp_step = $3 WHERE id = $1;

-- name: use-totp-step
-- A code is good once.
-- $1 user; $2 its step.
UPDATE users SET totp_step = $2 WHERE id = $1 AND totp_step < $2;

-- name: count-try
-- Before the password is looked at: tries at the same moment are counted, too.
-- $1 user; $2 until when the next is refused, UTC, or NULL; $3 the tries that were counted so far.
UPDATE users SET failed = failed + 1, locked_until = $2 WHERE id = $1 AND failed = $3;

-- name: tried-well
-- $1 user.
UPDATE users SET failed = 0, locked_until = NULL WHERE id = $1;

-- name: user-seen
-- $1 user; $2 now, UTC.
UPDATE users SET last_seen_at = $2 WHERE id = $1;

-- name: add-user-session
-- $1 SHA-256 of the token; $2 user; $3 now, UTC; $4 ends at, UTC; $5 address; $6 agent.
INSERT INTO user_sessions (token_hash, user_id, created_at, seen_at, ends_at, address, agent)
VALUES ($1, $2, $3, $3, $4, $5, $6) ON CONFLICT (token_hash) DO NOTHING;

-- name: find-user-session
-- $1 SHA-256 of the token; $2 now, UTC; $3 seen after, UTC.
SELECT s.token_hash, s.user_id, s.created_at AS signed_in_at, s.seen_at, s.ends_at, s.address, s.agent,
    u.id, u.name, u.grants, u.people, u.password_hash, u.totp_secret, u.link_hash, u.link_ends_at, u.subject, u.failed,
    u.locked_until, u.created_at, u.disabled_at, u.last_seen_at
FROM user_sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = $1 AND s.ends_at > $2 AND s.seen_at > $3 AND u.disabled_at IS NULL;

-- name: user-session-seen
-- $1 SHA-256 of the token; $2 now, UTC.
UPDATE user_sessions SET seen_at = $2 WHERE token_hash = $1;

-- name: list-user-sessions
-- $1 user; $2 now, UTC; $3 seen after, UTC.
SELECT token_hash, user_id, created_at, seen_at, ends_at, address, agent FROM user_sessions
    WHERE user_id = $1 AND ends_at > $2 AND seen_at > $3 ORDER BY seen_at DESC, token_hash;

-- name: end-user-session
-- $1 user; $2 SHA-256 of the token.
DELETE FROM user_sessions WHERE user_id = $1 AND token_hash = $2;

-- name: end-user-sessions
-- $1 user; $2 SHA-256 of the token that stays, or ''.
DELETE FROM user_sessions WHERE user_id = $1 AND token_hash <> $2;

-- name: drop-old-user-sessions
-- $1 now, UTC; $2 seen before, UTC.
DELETE FROM user_sessions WHERE ends_at <= $1 OR seen_at <= $2;
