/**
 * `kill -9` at any moment loses nothing that was acknowledged, and runs nothing twice.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { isAlive } from "../support/microapps/host.ts";
import { openProvider, type Provider } from "../support/provider.ts";
import { eventually } from "../support/watch.ts";
import { createRandom, type Immortal, insist, keepAlive, plan } from "./immortal.ts";
import { groupBy, type Ledger, readLedger } from "./ledger.ts";

const SEED = Number(process.env["NEXO_CHAOS_SEED"] ?? Date.now() % 1_000_000);
const KILLS = 10;
const SECRET = "a secret for chaos";
const ACCOUNTS = ["acme", "globex"];
const REPOSITORIES = 10;
const DELIVERIES_EACH = 100;
const CONTACTS = 5;
const CHATS_EACH = 50;
/** One in so many chats asks for a tool. */
const TOOL_EVERY = 10;

const CHILDREN = join(import.meta.dirname, "../support/microapps");

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat, instance: globex }
    event_subscribers:
      - id: code
        subject_pattern: webhook.*.*
        inbound_template: "#{{body_json.number}}"
        session_key: "{{body_json.repository}}"
        max_concurrency: 8
    config: { debounce_ms: 20 }
`;

const SOURCES = `
enabled: true
sources:
${
  ACCOUNTS.map((account) =>
    `  - { id: ${account}, path: /webhooks/${account}, preset: github, secret_env: GITHUB_WEBHOOK_SECRET, account_id: ${account} }`
  ).join("\n")
}
`;

const PLUGIN = `
[plugin]
id = "echoing"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(CHILDREN, "good.mjs"))}]
`;

async function openPlace(): Promise<DaemonPlace> {
  const place = await openDaemonPlace({
    env: { GITHUB_WEBHOOK_SECRET: SECRET, NEXO_LOG: "warning" },
  });
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig("webhook_receiver.yaml", SOURCES);
  await place.writeConfig("plugin.toml", PLUGIN);
  await place.writeConfig("extensions.yaml", "extensions: { entries: { echoing: { path: . } } }\n");
  return place;
}

/** Of a daemon and its microapps. */
async function pidsOf({ pid, call }: RunningDaemon): Promise<number[]> {
  const { microapps } = await call<{ microapps: { pid: number | null }[] }>("ext/status");
  return [pid, ...microapps.flatMap((microapp) => microapp.pid ?? [])];
}

/** Something that is said once, in its place in a conversation. */
interface Message {
  readonly account: string;
  /** Repository or contact: with the account, one conversation. */
  readonly contact: string;
  readonly number: number;
  /** The sender's own id of it. */
  readonly id: string;
}

function conversations(
  names: string,
  { count, length }: { count: number; length: number },
): Message[][] {
  return ACCOUNTS.flatMap((account) =>
    Array.from({ length: count }, (_, i) =>
      Array.from({ length }, (_, number) => {
        const contact = `${names}-${i}`;
        return { account, contact, number, id: `${account}/${contact}/${number}` };
      }))
  );
}

function postDelivery(
  { account, contact, number, id }: Message,
  daemon: RunningDaemon,
  { post }: Provider,
) {
  const body = JSON.stringify({ repository: contact, number });
  const mac = createHmac("sha256", SECRET).update(body).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-github-delivery": id,
    "x-hub-signature-256": `sha256=${mac}`,
  };
  return post(`${daemon.edgeUrl}/webhooks/${account}`, { body, headers });
}

function postChat(
  { account, contact, number, id }: Message,
  daemon: RunningDaemon,
  { provider, key }: { provider: Provider; key: string },
) {
  const text = number % TOOL_EVERY === 3 ? `echo {"say": "#${number}"}` : `#${number}`;
  const body = JSON.stringify({ text, contact, client_msg_id: id });
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  return provider.post(`${daemon.edgeUrl}/chat/${account}/messages`, { body, headers });
}

/** The replies a contact reads, oldest first. */
async function readReplies(
  { account, contact }: Message,
  { edgeUrl }: RunningDaemon,
  key: string,
): Promise<string[]> {
  const replies: string[] = [];
  for (let after: string | null = null;;) {
    const query = new URLSearchParams({ contact, ...(after === null ? {} : { after }) });
    const response = await fetch(`${edgeUrl}/chat/${account}/messages?${query.toString()}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const page = await response.json() as { messages: { text: string }[]; cursor: string | null };
    if (page.messages.length === 0) return replies;
    replies.push(...page.messages.map(({ text }) => text));
    after = page.cursor;
  }
}

/** The numbers a text tells of, each once: a tool's answer may repeat its arguments. */
const numbersIn = (text: string): number[] => [
  ...new Set(Array.from(text.matchAll(/#(\d+)/g), ([, digits]) => Number(digits))),
];

async function burst(immortal: Immortal<RunningDaemon>, random: () => number, key: string, all: {
  deliveries: readonly Message[][];
  chats: readonly Message[][];
}): Promise<void> {
  using provider = openProvider({ connections: 64 });
  const total = [...all.deliveries, ...all.chats].flat().length;
  const blows = plan({ count: KILLS, total, random, strike: immortal.kill });
  // Within a conversation the next is said when the last was acknowledged; or there is no order to keep.
  const say = async (
    messages: readonly Message[],
    post: (message: Message, daemon: RunningDaemon) => Promise<number>,
  ): Promise<void> => {
    for (const message of messages) {
      await insist(immortal, (daemon) => post(message, daemon));
      blows.happened();
    }
  };
  await Promise.all([
    ...all.deliveries.map((lane) => say(lane, (it, daemon) => postDelivery(it, daemon, provider))),
    ...all.chats.map((lane) => say(lane, (it, daemon) => postChat(it, daemon, { provider, key }))),
  ]);
  await blows.over();
}

async function untilIdle(immortal: Immortal<RunningDaemon>): Promise<RunningDaemon> {
  const daemon = await immortal.living();
  await eventually(daemon, async () => {
    const { waiting } = await daemon.call<{ waiting: number }>("status");
    const { deliveries } = await daemon.call<{ deliveries: unknown[] }>("inbox/list", {
      state: "queued",
    });
    return waiting === 0 && deliveries.length === 0 ? true : undefined;
  });
  return daemon;
}

function checkOnce(
  { turns, inbounds, outbox, leftovers, toolCalls }: Ledger,
  sent: readonly Message[],
): void {
  expect(leftovers).toEqual({ deliveries: 0, messages: 0, sends: 0, steps: 0, dead_letters: 0 });
  const known = inbounds.map(({ account_id, contact, delivery_id, msg_id }) =>
    `${account_id} ${contact} ${delivery_id ?? msg_id ?? ""}`
  );
  expect(known.toSorted()).toEqual(
    sent.map(({ account, contact, id }) => `${account} ${contact} ${id}`).toSorted(),
  );
  expect(new Set(turns.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]));
  const answered = turns.flatMap(({ inboundIds }) => inboundIds);
  expect(answered.toSorted()).toEqual(inbounds.map(({ id }) => id).toSorted());
  const chatTurns = turns.filter(({ channel }) => channel === "webchat").map(({ id }) => id);
  expect(outbox.map(({ turn_id }) => turn_id).toSorted()).toEqual(chatTurns.toSorted());
  const calls = groupBy(toolCalls, ({ turn_id }) => turn_id);
  for (const { id, tool_calls } of turns) expect(calls.get(id)?.length ?? 0, id).toBe(tool_calls);
  expect(toolCalls.length).toBeGreaterThan(0);
  expect(new Set(toolCalls.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]));
}

function checkOrder({ turns, transcripts }: Ledger, lengths: readonly number[]): void {
  const sessions = groupBy(transcripts, (row) => `${row.account_id} ${row.session_id}`);
  const heard = [...sessions.values()].map((rows) => {
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, i) => i));
    return rows.filter(({ role }) => role === "user").flatMap(({ body }) => numbersIn(body));
  });
  const whole = (length: number) => Array.from({ length }, (_, i) => i);
  expect(heard.toSorted((a, b) => a.length - b.length)).toEqual(
    lengths.toSorted((a, b) => a - b).map(whole),
  );
  const answers = groupBy(
    transcripts.filter(({ role, body }) => role === "assistant" && body !== ""),
    ({ turn_id }) => turn_id,
  );
  for (const { id } of turns) expect(answers.get(id), id).toHaveLength(1);
}

function checkEvents({ events, turns, transcripts }: Ledger, deliveries: number): void {
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
  for (const [account, own] of groupBy(events, ({ account_id }) => account_id)) {
    expect(own.map(({ offset }) => offset), account).toEqual(own.map((_, i) => i + 1));
  }
  const kinds = groupBy(events, ({ kind }) => kind);
  expect(kinds.get("webhook_accepted")).toHaveLength(deliveries);
  expect(kinds.get("transcript_appended")).toHaveLength(transcripts.length);
  expect(kinds.get("turn_finished")?.map(({ turn_id }) => turn_id).toSorted()).toEqual(
    turns.map(({ id }) => id).toSorted(),
  );
}

describe("kill -9", () => {
  it(`loses nothing acknowledged and runs nothing twice (NEXO_CHAOS_SEED=${SEED})`, async () => {
    const random = createRandom(SEED);
    await using place = await openPlace();
    const pids = new Set<number>();
    const immortal = keepAlive(async () => {
      const daemon = await place.start();
      for (const pid of await pidsOf(daemon)) pids.add(pid);
      return daemon;
    });
    await immortal.living();
    const key = (await readFile(join(place.home, "keys", "operator.key"), "utf8")).trim();
    const deliveries = conversations("repository", {
      count: REPOSITORIES,
      length: DELIVERIES_EACH,
    });
    const chats = conversations("contact", { count: CONTACTS, length: CHATS_EACH });

    await burst(immortal, random, key, { deliveries, chats });
    // The next ones fall while nothing comes in and what is left is being worked off.
    await immortal.kill();
    await immortal.kill();
    expect(immortal.kills()).toBe(KILLS + 2);

    const last = await untilIdle(immortal);
    for (const [first] of chats) {
      if (first === undefined) continue;
      const numbers = (await readReplies(first, last, key)).flatMap(numbersIn);
      expect(numbers, first.contact).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    }
    const { chains } = await last.call<{ chains: { ok: boolean; problems: unknown }[] }>(
      "audit/verify",
    );
    expect(chains.filter(({ ok }) => !ok)).toEqual([]);
    expect(await last.call("dlq/list")).toEqual({ dead_letters: [] });
    expect(await last.stop()).toBe(0);

    const ledger = await readLedger(place.home);
    checkOnce(ledger, [...deliveries, ...chats].flat());
    checkOrder(ledger, [...deliveries, ...chats].map(({ length }) => length));
    checkEvents(ledger, deliveries.flat().length);
    const orphans = await Promise.all(Array.from(pids, isAlive));
    expect(orphans).not.toContain(true);
  });
});
