-- What somebody last said about being written to; absent means nothing was said.
CREATE TABLE consents (
  channel TEXT NOT NULL,
  contact TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('opted_in', 'opted_out')),
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (channel, contact)
) STRICT, WITHOUT ROWID;

-- Everything that was ever said about it.
CREATE TABLE consent_history (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  contact TEXT NOT NULL,
  status TEXT NOT NULL,
  source TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
