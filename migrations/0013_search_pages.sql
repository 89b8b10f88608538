-- Smaller pages of the full-text index: a search steps through a word's places, which are everybody's,
-- page by page, and reads whole pages around the few that are its tenant's. Pages there are stay until
-- the index merges them.
INSERT INTO transcripts_fts (transcripts_fts, rank) VALUES ('pgsz', 1000);
