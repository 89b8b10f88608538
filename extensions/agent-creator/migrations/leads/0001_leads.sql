-- One tenant's contacts.
CREATE TABLE leads (
  contact TEXT NOT NULL,
  channel TEXT NOT NULL,
  name TEXT,
  note TEXT,
  stage TEXT NOT NULL CHECK (stage IN ('new', 'contacted', 'qualified', 'won', 'lost')),
  created_at_ms INTEGER NOT NULL,
  last_heard_ms INTEGER,
  PRIMARY KEY (channel, contact)
) STRICT, WITHOUT ROWID;

-- Where somebody stands in a campaign. A step is marked before it is sent, under its own key.
CREATE TABLE drip_steps (
  campaign_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  contact TEXT NOT NULL,
  next_step INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'stopped')),
  reason TEXT,
  PRIMARY KEY (campaign_id, channel, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX drip_steps_due ON drip_steps (due_at_ms) WHERE state = 'waiting';
