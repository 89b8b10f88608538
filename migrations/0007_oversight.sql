-- What operators have taken over. A row is a pause; the end of the pause deletes it.
CREATE TABLE processing (
  account_id TEXT NOT NULL,
  -- The scope as one text.
  scope_key TEXT NOT NULL,
  pause_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('conversation', 'agent_binding', 'agent')),
  agent_id TEXT NOT NULL,
  channel TEXT,
  instance TEXT,
  contact TEXT,
  paused_at_ms INTEGER NOT NULL,
  operator_hash TEXT NOT NULL,
  operator_name TEXT,
  reason TEXT,
  -- Until then nobody but this operator may act on it.
  lease_until_ms INTEGER NOT NULL,
  -- What the operator did last, and how long after it the pause ends by itself.
  acted_at_ms INTEGER NOT NULL,
  auto_resume_ms INTEGER,
  alerted_at_ms INTEGER,
  -- Rises with each message held under it.
  revision INTEGER NOT NULL,
  PRIMARY KEY (account_id, scope_key)
) STRICT, WITHOUT ROWID;

-- Messages that wait behind a pause. `id` is the row of `inbounds`, which stays queued meanwhile.
CREATE TABLE pending_inbounds (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  contact TEXT NOT NULL,
  trigger TEXT NOT NULL,
  inbox_id TEXT,
  held_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_inbounds_by_session ON pending_inbounds (account_id, session_id, id);

-- What agents asked people to look at. Texts are redacted.
CREATE TABLE escalations (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  scope_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  channel TEXT,
  instance TEXT,
  contact TEXT,
  state TEXT NOT NULL CHECK (state IN ('pending', 'resolved')),
  summary TEXT NOT NULL,
  reason TEXT NOT NULL,
  urgency TEXT NOT NULL,
  context TEXT,
  requested_at_ms INTEGER NOT NULL,
  -- When somebody should have looked, and when it was said that nobody had.
  due_at_ms INTEGER,
  overdue_at_ms INTEGER,
  resolved_at_ms INTEGER,
  resolved_by TEXT,
  dismiss_reason TEXT,
  operator_hash TEXT,
  PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX escalations_pending ON escalations (account_id, scope_key) WHERE state = 'pending';
CREATE INDEX escalations_by_scope ON escalations (account_id, scope_key, requested_at_ms);
CREATE INDEX escalations_by_time ON escalations (account_id, requested_at_ms, id);
CREATE INDEX escalations_due ON escalations (due_at_ms) WHERE state = 'pending' AND overdue_at_ms IS NULL;

-- Who wrote a message on its way out: a pause stops what is the agent's, and nothing else.
ALTER TABLE outbox ADD COLUMN author TEXT NOT NULL DEFAULT 'agent'
  CHECK (author IN ('agent', 'operator', 'core'));
