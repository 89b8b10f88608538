-- The tables every turn touches. Times are milliseconds since the epoch; `sealed` columns are
-- AES-256-GCM with the key id in front, bound to tenant, table and row id.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Heads of gap-free streams: offset and hash of the newest row.
CREATE TABLE streams (
  name TEXT PRIMARY KEY,
  head INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was accepted from outside. A delivery is unique per source while its key is remembered.
CREATE TABLE inbox (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  event_kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  delivery_id TEXT,
  dedupe_key TEXT,
  dedupe_until_ms INTEGER NOT NULL,
  hops INTEGER NOT NULL,
  sealed BLOB,
  state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'unmatched', 'dead')),
  received_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX inbox_once ON inbox (source_id, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX inbox_by_account ON inbox (account_id, id);

-- Messages for agents, in the order of their ids within a conversation.
CREATE TABLE inbounds (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  contact TEXT NOT NULL,
  trigger TEXT NOT NULL CHECK (trigger IN ('channel', 'event', 'timer', 'delegation')),
  inbox_id TEXT,
  msg_id TEXT,
  sealed BLOB,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'dead')),
  turn_id TEXT,
  -- Turns over it that failed, and turns over it that were started; the difference is crashes.
  attempts INTEGER NOT NULL,
  starts INTEGER NOT NULL,
  next_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX inbounds_once ON inbounds (account_id, agent_id, channel, instance, contact, msg_id)
  WHERE msg_id IS NOT NULL;
CREATE INDEX inbounds_open ON inbounds (state, id) WHERE state IN ('queued', 'running');
CREATE INDEX inbounds_by_inbox ON inbounds (inbox_id) WHERE inbox_id IS NOT NULL;
CREATE INDEX inbounds_by_session ON inbounds (account_id, session_id, id);

-- Finished steps of turns under way; a turn that runs again replays them. Gone when the turn is done.
CREATE TABLE turn_steps (
  turn_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (turn_id, step)
) STRICT, WITHOUT ROWID;

-- One row per finished turn of any kind; append-only and hash-chained per tenant.
CREATE TABLE turns (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  offset INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  binding_id TEXT NOT NULL,
  trigger TEXT NOT NULL,
  envelope_id TEXT,
  delivery_id TEXT,
  inbound_ids TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  finished_at_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'error', 'refused')),
  error TEXT,
  attempts INTEGER NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  tokens_cached INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  tool_calls INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  trace_id TEXT,
  content_salt TEXT,
  content_hmac TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX turns_by_account ON turns (account_id, offset);

-- Every tool call a turn made or was refused; arguments and results redacted.
CREATE TABLE tool_calls (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  tool TEXT NOT NULL,
  microapp_id TEXT,
  arguments TEXT NOT NULL,
  result TEXT NOT NULL,
  outcome TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX tool_calls_by_turn ON tool_calls (account_id, turn_id, step);

-- What was said. `body` is redacted; `sealed` is the model's own message.
CREATE TABLE transcripts (
  id INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'tool', 'system')),
  body TEXT NOT NULL,
  sealed BLOB,
  source_plugin TEXT NOT NULL,
  sender_id TEXT,
  message_id TEXT NOT NULL,
  turn_id TEXT,
  sent_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX transcripts_by_session ON transcripts (account_id, session_id, seq);

-- The firehose's log. `id` is the global offset, `offset` the tenant's own; both without gaps.
CREATE TABLE agent_events (
  id INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  offset INTEGER NOT NULL,
  kind TEXT NOT NULL,
  agent_id TEXT,
  at_ms INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX agent_events_by_account ON agent_events (account_id, offset);

-- Sends under way and done. The id stands for (turn, step), so a step cannot send twice.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  contact TEXT NOT NULL,
  turn_id TEXT,
  sealed BLOB,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'dead')),
  attempts INTEGER NOT NULL,
  next_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  sent_at_ms INTEGER,
  receipt TEXT
) STRICT;
CREATE INDEX outbox_open ON outbox (state, id) WHERE state = 'queued';
CREATE INDEX outbox_by_session ON outbox (account_id, session_id, id);

-- What was accepted and could not be finished, until somebody replays it.
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('inbox', 'inbound', 'outbox')),
  ref_id TEXT NOT NULL,
  source TEXT NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  replayed_at_ms INTEGER
) STRICT;
CREATE INDEX dead_letters_by_account ON dead_letters (account_id, id);

-- Admin calls: an intent before, an outcome after; append-only and hash-chained per tenant.
CREATE TABLE admin_audit (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  offset INTEGER NOT NULL,
  phase TEXT NOT NULL CHECK (phase IN ('intent', 'outcome')),
  intent_id TEXT NOT NULL,
  microapp_id TEXT NOT NULL,
  subject TEXT,
  method TEXT NOT NULL,
  capability TEXT NOT NULL,
  args_hash TEXT NOT NULL,
  tenant_id TEXT,
  at_ms INTEGER NOT NULL,
  result TEXT CHECK (result IN ('ok', 'error', 'denied')),
  error_code INTEGER,
  duration_ms INTEGER,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX admin_audit_by_account ON admin_audit (account_id, offset);
CREATE INDEX admin_audit_by_time ON admin_audit (at_ms, id);
CREATE INDEX admin_audit_by_intent ON admin_audit (intent_id);

-- When each tenant was first seen; everything else about it is in tenants.yaml.
CREATE TABLE tenants (
  account_id TEXT PRIMARY KEY,
  created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens handed out, by `jti`; the token itself is never kept.
CREATE TABLE tokens (
  jti TEXT PRIMARY KEY,
  account_id TEXT,
  subject TEXT NOT NULL,
  scope TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;
