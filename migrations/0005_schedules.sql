-- What happens at a time: reminders, heartbeats and the jobs of pollers.yaml. A timer only looks here.
CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('reminder', 'heartbeat', 'poller')),
  -- The job's id, `heartbeat`, or what a reminder is about, redacted.
  name TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  -- The conversation of a reminder.
  session_id TEXT,
  timetable TEXT NOT NULL,
  misfire TEXT NOT NULL CHECK (misfire IN ('skip', 'once', 'all')),
  max_delay_ms INTEGER NOT NULL,
  jitter_ms INTEGER NOT NULL,
  -- The conversation and words of a reminder; jobs and heartbeats are in the config.
  sealed BLOB,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'done', 'errored')),
  -- The next time of the timetable, and when to look at the row: jitter later, or at once when forced.
  next_at_ms INTEGER,
  wake_at_ms INTEGER,
  forced INTEGER NOT NULL DEFAULT 0,
  -- The newest time that was dealt with, and the message it became.
  last_slot_ms INTEGER,
  last_inbound_id TEXT,
  -- Of jobs that look outside: who is at it, until when that is believed, and how far the job has come.
  lease_id TEXT,
  lease_until_ms INTEGER,
  cursor BLOB,
  last_run_at_ms INTEGER,
  last_status TEXT,
  last_error TEXT,
  consecutive_errors INTEGER NOT NULL DEFAULT 0,
  items_seen_total INTEGER NOT NULL DEFAULT 0,
  items_dispatched_total INTEGER NOT NULL DEFAULT 0,
  alerted_at_ms INTEGER,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_due ON schedules (wake_at_ms, account_id) WHERE wake_at_ms IS NOT NULL;
CREATE INDEX schedules_by_account ON schedules (account_id, wake_at_ms, id);
CREATE INDEX schedules_by_session ON schedules (account_id, session_id) WHERE session_id IS NOT NULL;

-- The times that were kept: the key is what lets none be kept twice. The newest hundred of each.
CREATE TABLE schedule_slots (
  schedule_id TEXT NOT NULL,
  slot_ms INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (schedule_id, slot_ms)
) STRICT, WITHOUT ROWID;
