-- The customers of this product. `account_id` is the key of everything else, here and in nexo.
CREATE TABLE tenants (
  account_id TEXT PRIMARY KEY,
  display_name TEXT NOT NULL,
  plan TEXT NOT NULL DEFAULT 'trial',
  -- Where onboarding stands; it goes on from there after a crash.
  step TEXT NOT NULL CHECK (step IN ('tenant', 'agent', 'credential', 'pairing', 'done')),
  agent_id TEXT,
  channel TEXT,
  challenge_id TEXT,
  created_at_ms INTEGER NOT NULL
) STRICT;

-- People who sign in: the owner of the product (no tenant) and each tenant's own.
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  account_id TEXT REFERENCES tenants (account_id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  -- HMAC of the sign-in code; the code itself is shown once.
  code_mac TEXT NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT;

-- Drip campaigns. Which steps somebody has had is in the tenant's own leads.
CREATE TABLE campaigns (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  steps TEXT NOT NULL,
  active INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX campaigns_by_account ON campaigns (account_id, id);
