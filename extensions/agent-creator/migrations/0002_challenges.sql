-- Pairings that were started, so that nobody asks about another tenant's.
CREATE TABLE challenges (
  challenge_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
