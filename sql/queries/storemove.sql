-- name: list-store-moves
SELECT id, incoming, other, begun_at, done_at FROM store_moves;

-- name: add-store-move
INSERT INTO store_moves (id, incoming, other, begun_at) VALUES ($1, $2, $3, $4);

-- name: end-store-move
-- It has ended once.
UPDATE store_moves SET done_at = COALESCE(done_at, $2) WHERE id = $1;
