import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runTurn } from "../../../../core/agents/turn.ts";
import { entryLine, sessionLine } from "../../../../core/record/jsonl.ts";
import { listSessions } from "../../../../core/record/sessions.ts";
import { checkTranscripts, transcribedAccounts } from "../../../../core/record/transcript_check.ts";
import { statement } from "../../../../core/store/store.ts";
import { openVault, type Vault } from "../../../../core/vault/vault.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { depsOf, messageFrom, queued, VISITOR } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
`;
let spine: Spine;
let sealer: Vault;

beforeAll(async () => {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  spine = await openSpine(() => settings);
  sealer = await openVault({
    keysDir: join(spine.dir, "keys"),
    random: (bytes) => crypto.getRandomValues(bytes),
    now: Date.now,
  });
  for (const contact of ["ana", "boris", "carla"]) {
    for (const text of ["hello a@b.co", "another day"]) {
      const job = await queued(spine, messageFrom({ ...VISITOR, contact }, text));
      await runTurn(job, depsOf(spine, []), new AbortController().signal);
    }
  }
});
afterAll(() => spine[Symbol.asyncDispose]());

const check = () => checkTranscripts({ store: spine.store, sealer }, "acme");
const run = (sql: string) => spine.store.commit([statement(sql, [])]);

describe("checkTranscripts()", () => {
  it("is fine with what turns wrote", async () => {
    expect(await check()).toEqual({
      account: "acme",
      ok: true,
      sessions: 3,
      entries: 12,
      turns: 6,
      problems: [],
    });
    expect(await transcribedAccounts(spine.store)).toEqual(["acme"]);
  });

  it("F6: finds words that were changed, taken out, put elsewhere or into the index", async () => {
    const wounds = [
      ["UPDATE transcripts SET body = 'hell' WHERE id = 3", /vouches/],
      ["UPDATE transcripts SET sender_id = 'eve' WHERE id = 3", /vouches/],
      ["DELETE FROM transcripts WHERE id = 3", /entry before it|missing|vouches/],
      ["DELETE FROM transcripts WHERE id IN (SELECT max(id) FROM transcripts)", /missing/],
      ["UPDATE transcripts SET message_id = 'm' WHERE id = 2", /cannot be opened/],
      [
        "INSERT INTO transcripts_fts (transcripts_fts, rowid, scope, words) SELECT 'delete', id, scope, words FROM transcripts_index WHERE id = 2",
        /index has 11 of 12/,
      ],
    ] as const;
    for (const [sql, problem] of wounds) {
      await run("CREATE TABLE kept AS SELECT * FROM transcripts");
      await run(sql);
      const { problems } = await check();
      expect(problems.map((one) => one.problem).join("\n"), sql).toMatch(problem);
      // Nothing is to be taken out of an index that was tampered with.
      await run("UPDATE transcripts SET terms = NULL");
      await run("DELETE FROM transcripts");
      await run("INSERT INTO transcripts SELECT * FROM kept");
      await run("DROP TABLE kept");
      await run("INSERT INTO transcripts_fts (transcripts_fts) VALUES ('rebuild')");
      expect((await check()).problems, sql).toEqual([]);
    }
  });
});

describe("a session as nexo's lines", () => {
  it("begins with the session and has one line for each entry", async () => {
    const [session, ...others] = await listSessions(spine.store, { account: "acme", limit: 10 });
    expect(others).toHaveLength(2);
    expect(await listSessions(spine.store, { account: "globex", limit: 10 })).toEqual([]);
    expect(await listSessions(spine.store, { account: "acme", agentId: "bob", limit: 10 }))
      .toEqual([]);
    const { session_id = "", agent_id = "", source_plugin = "", started_at_ms = 0 } = session ?? {};
    const head = sessionLine({
      sessionId: session_id,
      agentId: agent_id,
      sourcePlugin: source_plugin,
      startedAtMs: started_at_ms,
    });
    expect(JSON.parse(head)).toEqual({
      type: "session",
      version: 1,
      id: session_id,
      timestamp: new Date(started_at_ms).toISOString(),
      agent_id: "ana",
      source_plugin: "webchat",
    });
    const rows = await spine.transcripts.readTranscript({ account: "acme", sessionId: session_id });
    const lines = rows.map((row) => JSON.parse(entryLine(row)) as Record<string, unknown>);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatchObject({
      type: "entry",
      role: "user",
      content: "hello [REDACTED:email]",
      source_plugin: "webchat",
    });
    expect(lines[1]).not.toHaveProperty("sender_id");
    expect(entryLine(rows[0] as never).endsWith("\n")).toBe(true);
  });
});
