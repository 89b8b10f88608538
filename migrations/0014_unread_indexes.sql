-- Indexes that no question needs: calls are found by their turn, and `transcripts_by_session` begins
-- with the tenant, too. Every turn wrote to both.
DROP INDEX model_calls_by_account;
DROP INDEX transcripts_by_account;
