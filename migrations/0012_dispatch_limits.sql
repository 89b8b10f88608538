-- Buckets of a third kind: `dispatch`, what a microapp sends on a line by itself, with its id as name.
CREATE TABLE limit_buckets_next (
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  binding_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('tool', 'sender', 'dispatch')),
  name TEXT NOT NULL,
  own_name TEXT NOT NULL,
  used REAL NOT NULL,
  at_ms INTEGER NOT NULL,
  rps REAL NOT NULL,
  PRIMARY KEY (account_id, agent_id, binding_id, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO limit_buckets_next SELECT * FROM limit_buckets;
DROP TABLE limit_buckets;
ALTER TABLE limit_buckets_next RENAME TO limit_buckets;
