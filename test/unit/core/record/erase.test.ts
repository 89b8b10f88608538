import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import { bodyOfJson, type ConversationKey, type Handoff } from "../../../../core/contract/mod.ts";
import { rowsForEvents } from "../../../../core/events/event_rows.ts";
import { verifyChain } from "../../../../core/record/chain.ts";
import { erase, sessionsOfContact } from "../../../../core/record/erase.ts";
import { tailForAccount } from "../../../../core/record/turns.ts";
import { insert } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine, uuid } from "../../../support/spine.ts";
import { depsOf, messageFrom, queued, tool } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat, instance: globex }
`;
const never = new AbortController().signal;

const keyOf = (account: string, contact: string): ConversationKey => ({
  account_id: account,
  agent_id: "ana",
  channel: "webchat",
  instance: account,
  contact,
});

/** Words nobody else uses: what one person said, in every place a word can come to. */
interface Traces {
  readonly key: ConversationKey;
  readonly word: string;
}
const traces = (account: string, contact: string): Traces => ({
  key: keyOf(account, contact),
  word: `zebra${account}${contact}`,
});

/** A delivery that became the person's message, turns with tools, a dead letter, an unsent reply. */
async function leaveTraces(spine: Spine, { key, word }: Traces): Promise<void> {
  const note = tool("note", () => Promise.resolve({ ok: true, text: `kept ${word}` }));
  const deps = depsOf(spine, [note]);
  const { account_id: account } = key;
  const envelope_id = uuid();
  const handoff: Handoff = {
    envelope: {
      schema: 1,
      envelope_id,
      source_id: "shop",
      event_kind: "sale",
      headers_subset: {},
      received_at_ms: Date.now(),
      client_ip: null,
    },
    body: bodyOfJson({ who: word }),
    subject: `sales.${key.contact}`,
    dedupe_key: `sale-${account}-${key.contact}`,
    dedupe_window_ms: 60_000,
    account_id: account,
    delivery_id: `d-${key.contact}`,
    hops: 0,
  };
  await spine.store.commit([
    ...spine.inbox.rowsForDelivery(handoff, account, "queued"),
    ...rowsForEvents({
      account,
      events: [{
        kind: "webhook_accepted",
        source_id: "shop",
        event_kind: "sale",
        envelope_id,
        delivery_id: `d-${key.contact}`,
        inbounds: 1,
        at_ms: 1,
      }, {
        kind: "escalation_requested",
        agent_id: "ana",
        scope: {
          kind: "conversation",
          agent_id: "ana",
          channel: "webchat",
          account_id: account,
          contact_id: key.contact,
        },
        summary: word,
        reason: "other",
        urgency: "low",
        requested_at_ms: 1,
      }],
    }),
  ]);
  const job = await queued(spine, {
    ...messageFrom(key, `note ${JSON.stringify({ text: word })}`),
    envelope_id,
    delivery_id: `d-${key.contact}`,
  });
  await runTurn(job, deps, never);
  const fails = depsOf(spine, [], { ask: () => Promise.reject(new Error(`no answer to ${word}`)) });
  const dead = await queued(spine, messageFrom(key, `hello ${word}`));
  await runTurn({ ...dead, attempts: 2 }, fails, never);
  // One that has begun and not ended, and one that waits.
  const open = await queued(spine, messageFrom(key, `still ${word}`));
  const journal = await spine.steps.open(account, open.turnId, { isNew: true });
  const { turnId, inboundIds: ids } = open;
  journal.mark(spine.inbounds.rowsForStarted({ account, turnId, starts: 1, ids }));
  await journal.step(() => Promise.resolve({ result: word, writes: [] }), String);
  await journal.settle();
  await queued(spine, messageFrom(key, `later ${word}`));
  await spine.store.commit([
    insert("conversations", {
      account_id: account,
      session_id: sessionIdOf(key),
      agent_id: "ana",
      channel: "webchat",
      instance: account,
      contact: key.contact,
    }),
  ]);
}

/** Every value of every row of every table, in which the person can be found. */
async function rowsNaming(spine: Spine, needles: readonly string[]): Promise<string[]> {
  const tables = await spine.store.readMany<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    for (const row of await spine.store.readMany(`SELECT * FROM "${name}"`)) {
      const text = JSON.stringify(
        row,
        (_, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value,
      );
      if (needles.some((needle) => text.includes(needle))) found.push(`${name}: ${text}`);
    }
  }
  return found;
}

async function filesNaming({ dir }: Spine, needles: readonly string[]): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => name.startsWith("core.db"));
  const files = await Promise.all(names.map((name) => readFile(join(dir, name))));
  return names.filter((_, i) => needles.some((needle) => files[i]?.includes(needle)));
}

async function eraseContact(spine: Spine, account: string, contact: string) {
  const sessionIds = await sessionsOfContact(spine.store, { account, contact }, sessionIdOf);
  const deps = { store: spine.store, nowMs: Date.now() };
  return erase(deps, { account, sessionIds, contact });
}

const snippets = async (spine: Spine, account: string, text: string) =>
  (await spine.search.search({ accounts: [account], agentId: "ana", text })).length;

describe("erase()", () => {
  it("F6: leaves no trace of a contact in any table, index or file, and all of everybody else", async () => {
    const settings = await settingsOf({ "agents.yaml": AGENTS });
    await using spine = await openSpine(() => settings);
    const gone = traces("acme", "ana-maria");
    const stays = [traces("acme", "boris"), traces("globex", "ana-maria")];
    for (const each of [gone, ...stays]) await leaveTraces(spine, each);
    const needles = [gone.word, sessionIdOf(gone.key), "sale-acme-ana-maria"];
    // The index is written anew, so its own rows are others than before.
    const countOf = async ({ key, word }: Traces) =>
      (await rowsNaming(spine, [word, sessionIdOf(key)]))
        .filter((row) => !row.startsWith("transcripts_fts")).length;
    const before = await Promise.all(stays.map(countOf));
    expect(await countOf(gone)).toBeGreaterThan(20);
    expect(await filesNaming(spine, [gone.word])).not.toEqual([]);

    const erased = await eraseContact(spine, "acme", "ana-maria");
    expect(erased).toMatchObject({ turns: 2, dead_letters: 1, deliveries: 1, tool_calls: 1 });
    expect(erased.transcripts).toBeGreaterThan(3);
    expect(erased.messages).toBeGreaterThan(4);

    expect(await rowsNaming(spine, needles)).toEqual([]);
    expect(await filesNaming(spine, [gone.word, sessionIdOf(gone.key)])).toEqual([]);
    expect(await snippets(spine, "acme", gone.word)).toBe(0);
    expect(await Promise.all(stays.map(countOf))).toEqual(before);
    for (const { key, word } of stays) {
      expect(await snippets(spine, key.account_id, word)).toBeGreaterThan(1);
    }
    for (const account of ["acme", "globex"]) {
      expect(await verifyChain(spine.store, { account, table: "turns" })).toMatchObject({
        ok: true,
      });
    }
    const { turns } = await tailForAccount(spine.store, "acme");
    expect(turns.filter(({ session_id }) => session_id === "")).toHaveLength(2);
    await spine.store.commit([{
      type: "statement",
      sql: "INSERT INTO transcripts_fts (transcripts_fts, rank) VALUES ('integrity-check', 1)",
      args: [],
    }]);
    expect(await eraseContact(spine, "acme", "ana-maria")).toMatchObject({
      transcripts: 0,
      turns: 0,
    });
  });

  it("leaves of a tenant what was counted and chained, and nothing it said", async () => {
    const settings = await settingsOf({ "agents.yaml": AGENTS });
    await using spine = await openSpine(() => settings);
    const gone = [traces("acme", "ana-maria"), traces("acme", "boris")];
    const stays = traces("globex", "ana-maria");
    for (const each of [...gone, stays]) await leaveTraces(spine, each);
    const kept = async () =>
      (await rowsNaming(spine, [stays.word, sessionIdOf(stays.key)]))
        .filter((row) => !row.startsWith("transcripts_fts"));
    const before = await kept();

    const deps = { store: spine.store, nowMs: Date.now() };
    await erase(deps, { account: "acme", sessionIds: undefined, contact: undefined });

    const needles = gone.flatMap(({ key, word }) => [word, sessionIdOf(key)]);
    expect(await rowsNaming(spine, needles)).toEqual([]);
    expect(await filesNaming(spine, needles)).toEqual([]);
    expect(await kept()).toEqual(before);
    expect(await verifyChain(spine.store, { account: "acme", table: "turns" })).toMatchObject({
      ok: true,
      rows: 4,
    });
  });

  it("ends a turn quietly whose messages are gone", async () => {
    const settings = await settingsOf({ "agents.yaml": AGENTS });
    await using spine = await openSpine(() => settings);
    const key = keyOf("acme", "boris");
    const job = await queued(spine, messageFrom(key, "hello"));
    await eraseContact(spine, "acme", "boris");
    spine.inbounds.forget();
    expect(await runTurn(job, depsOf(spine, []), never)).toMatchObject({
      kind: "finished",
      outcome: "refused",
      reply: null,
    });
    expect(await spine.store.read("SELECT 1 AS x FROM turns")).toEqual([]);
    expect(await spine.outbox.openForOperator()).toEqual([]);
  });
});
