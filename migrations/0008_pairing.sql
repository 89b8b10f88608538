-- Challenges that bind a person to a channel. `code_mac` finds one by its code; the code itself is sealed.
CREATE TABLE pairings (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  -- `link`: an operator started it and a person follows; `knock`: a stranger wrote and an operator decides.
  kind TEXT NOT NULL CHECK (kind IN ('link', 'knock')),
  state TEXT NOT NULL CHECK (state IN ('pending', 'qr_ready', 'awaiting_user', 'linked', 'expired', 'cancelled')),
  code_mac TEXT NOT NULL,
  sealed BLOB,
  sender_id TEXT,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX pairings_by_code ON pairings (account_id, channel, instance, code_mac);
CREATE INDEX pairings_open ON pairings (expires_at_ms) WHERE state IN ('pending', 'qr_ready', 'awaiting_user');
CREATE INDEX pairings_by_sender ON pairings (account_id, channel, instance, sender_id, created_at_ms)
  WHERE sender_id IS NOT NULL;

-- People a line knows.
CREATE TABLE paired_people (
  account_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  instance TEXT NOT NULL,
  sender_id TEXT NOT NULL,
  paired_at_ms INTEGER NOT NULL,
  -- The challenge, or `operator`.
  via TEXT NOT NULL,
  PRIMARY KEY (account_id, channel, instance, sender_id)
) STRICT, WITHOUT ROWID;
