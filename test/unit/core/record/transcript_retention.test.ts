import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import { trimQueues } from "../../../../core/queues/retention.ts";
import { verifyChain } from "../../../../core/record/chain.ts";
import { trimTranscripts } from "../../../../core/record/transcript_retention.ts";
import { tailForAccount } from "../../../../core/record/turns.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { depsOf, messageFrom, queued, VISITOR } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat, instance: globex }
`;
const DAY_MS = 86_400_000;
const START_MS = 1_800_000_000_000;
const TABLES = ["transcripts", "inbounds", "outbox", "tool_calls"] as const;

/** A turn on each of ten days, for each of two tenants. */
async function tenDays(spine: Spine, clock: { ms: number }): Promise<void> {
  for (let day = 0; day < 10; day++) {
    clock.ms = START_MS + day * DAY_MS;
    for (const account of ["acme", "globex"]) {
      const key = { ...VISITOR, account_id: account, instance: account };
      const message = messageFrom(key, `day${day} ${account}`);
      const job = await queued(spine, { ...message, sent_at_ms: clock.ms });
      await runTurn(job, depsOf(spine, []), new AbortController().signal);
    }
  }
  await spine.store.commit(spine.transcripts.rowsForTranscript({
    account: "acme",
    agentId: "ana",
    sessionId: sessionIdOf(VISITOR),
    entries: [{
      role: "assistant",
      text: "a person says day0",
      sourcePlugin: "intervention:webchat",
      messageId: "m-1",
      sentAtMs: START_MS,
    }],
  }));
}

async function open() {
  const clock = { ms: START_MS };
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings, { now: () => clock.ms });
  await tenDays(spine, clock);
  return { spine, nowMs: clock.ms };
}

const countOf = async ({ store }: Spine, table: typeof TABLES[number], account: string) =>
  Number(
    (await store.read(`SELECT count(*) AS n FROM ${table} WHERE account_id = ?`, [account]))[0]
      ?.["n"],
  );
const hits = async ({ search }: Spine, account: string, text: string) =>
  (await search.search({ accounts: [account], agentId: "ana", text })).length;

describe("trimTranscripts()", () => {
  it("F6: takes what a tenant said too long ago, and leaves tombstones that count and verify", async () => {
    const { spine, nowMs } = await open();
    await using _ = spine;
    const { store } = spine;
    const daysOf = (account: string) => account === "acme" ? 3 : 0;
    const before = (await tailForAccount(store, "acme")).turns.map(({ tokens_in }) => tokens_in);

    // Six turns are older than three days, and so is what a person said.
    expect(await trimTranscripts({ store, daysOf, nowMs })).toBe(7);
    expect(await countOf(spine, "transcripts", "acme")).toBe(8);
    expect(await countOf(spine, "transcripts", "globex")).toBe(20);
    expect(await hits(spine, "acme", "day0 OR day5")).toBe(0);
    expect(await hits(spine, "acme", "day6")).toBeGreaterThan(0);
    expect(await hits(spine, "globex", "day0")).toBeGreaterThan(0);

    const { turns } = await tailForAccount(store, "acme");
    expect(turns.map(({ tokens_in }) => tokens_in)).toEqual(before);
    expect(turns.filter(({ session_id }) => session_id === "")).toHaveLength(6);
    for (const account of ["acme", "globex"]) {
      expect(await verifyChain(store, { account, table: "turns" })).toMatchObject({
        ok: true,
        rows: 10,
      });
    }
    expect(await trimTranscripts({ store, daysOf, nowMs })).toBe(0);
  });
});

describe("trimQueues()", () => {
  it("takes what is over for too long and nothing that is not", async () => {
    const { spine, nowMs } = await open();
    await using _ = spine;
    const { store } = spine;
    const replies = await spine.outbox.openForOperator();
    await store.commit(
      replies.flatMap(({ account_id, id }, i) =>
        i % 2 === 0 ? spine.outbox.rowsForSent(account_id, id, null, START_MS + i * DAY_MS / 2) : []
      ),
    );
    await queued(spine, messageFrom(VISITOR, "still waiting"));
    expect(await trimQueues({ store, days: 0, nowMs })).toBe(0);
    // Ids of this test's messages are of today, as messages of ten real days would not be.
    await store.commit([{
      type: "statement",
      sql: "UPDATE inbounds SET id = '00000000' || substr(id, 9) WHERE state = 'done'",
      args: [],
    }, {
      type: "statement",
      sql: "UPDATE inbounds SET created_at_ms = ? WHERE state = 'queued'",
      args: [START_MS],
    }]);
    const sentBefore = replies.filter((_reply, i) => i % 2 === 0 && i * DAY_MS / 2 < 6 * DAY_MS);
    const trimmed = await trimQueues({ store, days: 3, nowMs });
    const [left] = await store.read<{ n: number }>(
      "SELECT count(*) AS n FROM inbounds WHERE state = 'done'",
    );
    expect(trimmed).toBe(sentBefore.length + 20 - (left?.n ?? 0));
    expect(await store.read("SELECT state FROM inbounds WHERE state = 'queued'")).toHaveLength(1);
    expect(await spine.outbox.openForOperator()).toHaveLength(replies.length / 2);
  });
});
