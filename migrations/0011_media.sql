-- Files that people sent, sealed in pieces. A row of `media` stands for a whole file; pieces without one
-- belong to a file that has not arrived whole.
CREATE TABLE media (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  -- The name, sealed; what the bytes are and how many.
  sealed BLOB NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX media_by_session ON media (account_id, session_id);
CREATE INDEX media_by_time ON media (created_at_ms);

CREATE TABLE media_pieces (
  -- `<media>/<n>`
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  media_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX media_pieces_by_media ON media_pieces (account_id, media_id, n);
CREATE INDEX media_pieces_by_session ON media_pieces (account_id, session_id);
CREATE INDEX media_pieces_by_time ON media_pieces (created_at_ms);
