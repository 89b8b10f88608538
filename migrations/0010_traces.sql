-- The span that queued a message, as W3C Trace Context's `traceparent`: its turn and its send go on from it.
ALTER TABLE inbounds ADD COLUMN traceparent TEXT;
ALTER TABLE outbox ADD COLUMN traceparent TEXT;
