-- Searching, keeping and erasing what was said.

-- What the index takes of an entry: NULL for nothing, '' for its body as it is, else a text of its
-- own for scripts that write no blanks.
ALTER TABLE transcripts ADD COLUMN terms TEXT;
UPDATE transcripts SET terms = '';
CREATE INDEX transcripts_by_account ON transcripts (account_id);
CREATE INDEX turns_by_session ON turns (session_id) WHERE session_id <> '';

-- `scope` is one word for tenant and agent, so that a search reads no other tenant's postings, and
-- one for the agent, for searches over all tenants.
CREATE VIEW transcripts_index AS
  SELECT id, hex(account_id) || 'x' || hex(agent_id) || ' x' || hex(agent_id) AS scope,
    CASE terms WHEN '' THEN body ELSE terms END AS words
  FROM transcripts WHERE terms IS NOT NULL;

CREATE VIRTUAL TABLE transcripts_fts USING fts5(
  scope, words,
  content = 'transcripts_index', content_rowid = 'id',
  tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO transcripts_fts (transcripts_fts, rank) VALUES ('automerge', 8);
INSERT INTO transcripts_fts (transcripts_fts) VALUES ('rebuild');

CREATE TRIGGER transcripts_indexed AFTER INSERT ON transcripts WHEN new.terms IS NOT NULL
BEGIN
  INSERT INTO transcripts_fts (rowid, scope, words) VALUES (
    new.id, hex(new.account_id) || 'x' || hex(new.agent_id) || ' x' || hex(new.agent_id),
    CASE new.terms WHEN '' THEN new.body ELSE new.terms END
  );
END;

CREATE TRIGGER transcripts_unindexed AFTER DELETE ON transcripts WHEN old.terms IS NOT NULL
BEGIN
  INSERT INTO transcripts_fts (transcripts_fts, rowid, scope, words) VALUES (
    'delete', old.id, hex(old.account_id) || 'x' || hex(old.agent_id) || ' x' || hex(old.agent_id),
    CASE old.terms WHEN '' THEN old.body ELSE old.terms END
  );
END;
