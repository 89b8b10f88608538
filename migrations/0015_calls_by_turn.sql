-- A turn's calls are found by its id alone, which is nobody else's. Ids rise, so that all calls of a
-- commit share the index's last page; with the tenant in front each tenant had a page of its own.
DROP INDEX model_calls_by_turn;
CREATE INDEX model_calls_by_turn ON model_calls (turn_id);
