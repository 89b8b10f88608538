-- What stands between an agent and one conversation; a conversation without a row is an ordinary one.
CREATE TABLE conversations (
  account_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  contact TEXT NOT NULL,
  -- Set while the agent must not reply there. The turn that was under way may still do so.
  muted_at_ms INTEGER,
  muted_by TEXT,
  muted_reason TEXT,
  muted_in_turn TEXT,
  PRIMARY KEY (account_id, session_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_muted ON conversations (account_id, muted_at_ms) WHERE muted_at_ms IS NOT NULL;
