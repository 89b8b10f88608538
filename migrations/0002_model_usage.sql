-- Every call of a model that leaves this machine, on disk before it is made. `open` is under way;
-- `unknown` ended without a count of tokens, so that what was reserved for it is spent.
CREATE TABLE model_calls (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  turn_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'ok', 'failed', 'unknown')),
  error TEXT,
  reserved_tokens INTEGER NOT NULL,
  reserved_micros INTEGER NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  tokens_cached INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
CREATE INDEX model_calls_by_account ON model_calls (account_id, id);
CREATE INDEX model_calls_by_turn ON model_calls (account_id, turn_id);
CREATE INDEX model_calls_open ON model_calls (id) WHERE state = 'open';

-- The calls of a day, summed in the commits that end them. `day` counts from the epoch, UTC.
-- Budgets count `tokens_*`, `cost_micros` and what is unknown; bills leave the unknown out.
CREATE TABLE usage (
  account_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  calls INTEGER NOT NULL,
  failed_calls INTEGER NOT NULL,
  unknown_calls INTEGER NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  tokens_cached INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  unknown_tokens INTEGER NOT NULL,
  unknown_micros INTEGER NOT NULL,
  PRIMARY KEY (account_id, day, agent_id, provider, model)
) STRICT, WITHOUT ROWID;
