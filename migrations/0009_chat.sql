-- What visitors of the web chat see of their conversation, in their order: written with the message that
-- came in and with the answer that went out. `seq` is without gaps in its conversation.
CREATE TABLE chat_messages (
  -- Of the inbound or the outbound.
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  author TEXT NOT NULL CHECK (author IN ('visitor', 'agent', 'operator', 'core')),
  sealed BLOB NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chat_messages_by_session ON chat_messages (account_id, session_id, seq);
CREATE INDEX chat_messages_by_time ON chat_messages (at_ms);
