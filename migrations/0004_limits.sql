-- What was taken from token buckets and has not come back by `at_ms`; it comes back at `rps` a second,
-- and a row of which all has come back is as good as none. `used` may run ahead of what was taken by
-- one block, never behind. `kind` is `tool`, with the name that the model sees and the microapp's own,
-- or `sender`, with a digest as name.
CREATE TABLE limit_buckets (
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  binding_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('tool', 'sender')),
  name TEXT NOT NULL,
  own_name TEXT NOT NULL,
  used REAL NOT NULL,
  at_ms INTEGER NOT NULL,
  rps REAL NOT NULL,
  PRIMARY KEY (account_id, agent_id, binding_id, kind, name)
) STRICT, WITHOUT ROWID;
