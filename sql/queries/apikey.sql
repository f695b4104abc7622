-- name: add-api-key
-- $1 account; $2 name; $3 scopes, parted by commas; $4 SHA-256 of the key in hex; $5 now; $6 expires_at or NULL, UTC.
INSERT INTO api_keys (account_id, name, scopes, key_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, name) DO NOTHING;

-- name: find-api-key
-- $1 SHA-256 of the key in hex.
SELECT id, account_id, name, scopes, created_at, expires_at, revoked_at, last_used_at FROM api_keys WHERE key_hash = $1;

-- name: list-api-keys
-- $1 account.
SELECT id, account_id, name, scopes, created_at, expires_at, revoked_at, last_used_at FROM api_keys
    WHERE account_id = $1 ORDER BY id;

-- name: count-good-api-keys
-- Of all accounts.
-- $1 now, UTC.
SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1);

-- name: api-key-used
-- $1 key; $2 now, UTC.
UPDATE api_keys SET last_used_at = $2 WHERE id = $1;

-- name: revoke-api-key
-- $1 account; $2 name; $3 now, UTC.
UPDATE api_keys SET revoked_at = $3 WHERE account_id = $1 AND name = $2 AND revoked_at IS NULL;
