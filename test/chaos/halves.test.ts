/**
 * `kill -9` of core, edges and nats-server: what was accepted arrives once, and what is watched is
 * seen once and in order.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { EventFilter } from "../../core/contract/mod.ts";
import { openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { startNatsServer } from "../support/nats_server.ts";
import { openProvider, type Provider } from "../support/provider.ts";
import { type Halves, keepHalves } from "./halves.ts";
import { createRandom, plan } from "./immortal.ts";
import { groupBy, type Ledger, readLedger } from "./ledger.ts";
import type { SeenEvent } from "../support/watch.ts";
import { checkViewer, lastWanted, type LoggedEvent, openViewer, type Viewer } from "./viewer.ts";

const SEED = Number(process.env["NEXO_CHAOS_SEED"] ?? Date.now() % 1_000_000);
/** More of them for a longer look; every one has its share of the deliveries. */
const STRIKES = Number(process.env["NEXO_CHAOS_STRIKES"] ?? 8);
const DELIVERIES = STRIKES * 250;
const SENDERS = 32;
const VIEWERS = 200;
/** Each with a token of its own: one subject may hold a hundred connections at an edge. */
const CROWDS = 8;
const SECRET = "a secret for chaos";
const ACCOUNTS = ["acme", "globex"];
/** The first two have a subscriber, and so a turn; one in so many deliveries is of each kind. */
const KINDS = ["push", "issues", "star", "fork", "watch", "gollum", "label", "member"];

const CONFIG = {
  "agents.yaml": `
agents:
${
    [["ana", "push"], ["bob", "issues"]].map(([agent, kind]) => `
  - id: ${agent}
    model: { provider: offline, model: rules }
    event_subscribers:
      - id: ${kind}
        subject_pattern: webhook.*.${kind}
        inbound_template: "#{{body_json.number}}"
        session_key: "{{body_json.repository}}"
        max_concurrency: 8
`).join("")
  }`,
  "webhook_receiver.yaml": `
enabled: true
sources:
${
    ACCOUNTS.map((account) =>
      `  - { id: ${account}, path: /webhooks/${account}, preset: github, secret_env: GITHUB_WEBHOOK_SECRET, account_id: ${account} }`
    ).join("\n")
  }
`,
  "extensions.yaml": "extensions: { enabled: false }\n",
};

const FILTERS: readonly EventFilter[] = [
  {},
  { kind: ["webhook_accepted"] },
  { agent_id: ["ana"] },
  { agent_id: ["bob"], kind: ["transcript_appended", "turn_finished"] },
  // Naming the other account shows nothing of it.
  { account_id: ACCOUNTS },
];

interface Delivery {
  readonly id: string;
  readonly account: string;
  readonly kind: string;
  readonly number: number;
}

const deliveries = (): Delivery[] =>
  Array.from({ length: DELIVERIES }, (_, number) => ({
    id: `delivery-${number}`,
    account: ACCOUNTS[number % 2] ?? "",
    kind: KINDS[Math.floor(number / 2) % KINDS.length] ?? "",
    number,
  }));

const hasTurn = ({ kind }: Delivery): boolean => kind === "push" || kind === "issues";

function post({ id, account, kind, number }: Delivery, edgeUrl: string, { post }: Provider) {
  const body = JSON.stringify({ repository: `repository-${number % 40}`, number });
  const mac = createHmac("sha256", SECRET).update(body).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-github-event": kind,
    "x-github-delivery": id,
    "x-hub-signature-256": `sha256=${mac}`,
  };
  return post(`${edgeUrl}/webhooks/${account}`, { body, headers });
}

/** A refusal, and whether nats-server was there all the time. */
interface Refusal {
  readonly status: number;
  readonly busLost: boolean;
}

/** Sends as a provider does: to some edge, and again until one answers with a 2xx. */
async function deliver(
  delivery: Delivery,
  { halves, random, provider, refusals }: {
    halves: Halves;
    random: () => number;
    provider: Provider;
    refusals: Refusal[];
  },
): Promise<void> {
  for (;;) {
    const edge = await halves.edges[Math.floor(random() * halves.edges.length)]?.living();
    if (edge === undefined) throw new Error("there is no edge");
    const lossesBefore = halves.busLosses();
    const status = await post(delivery, edge.url, provider).catch(() => undefined);
    if (status === undefined) continue;
    if (status >= 200 && status < 300) return;
    const busLost = lossesBefore % 2 === 1 || halves.busLosses() !== lossesBefore;
    refusals.push({ status, busLost });
    if (!busLost) return;
    await halves.calm();
  }
}

async function burst(
  halves: Halves,
  random: () => number,
  all: readonly Delivery[],
): Promise<readonly Refusal[]> {
  using provider = openProvider({ connections: SENDERS });
  const refusals: Refusal[] = [];
  const blows = plan({ count: STRIKES, total: all.length, random, strike: halves.strike });
  const waiting = all.values();
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    for (const delivery of waiting) {
      await blows.pace();
      await deliver(delivery, { halves, random, provider, refusals });
      blows.happened();
    }
  }));
  await blows.over();
  return refusals;
}

async function openViewers(halves: Halves, random: () => number): Promise<Viewer[]> {
  const core = await halves.core.living();
  const tokens = await Promise.all(Array.from({ length: CROWDS }, async (_, i) => {
    const { token } = await core.call<{ token: string }>("token/create", {
      subject: `crowd-${i}`,
      scope: ["firehose"],
      account: ACCOUNTS[i % 2],
    });
    return token;
  }));
  const viewers = Array.from({ length: VIEWERS }, (_, i) =>
    openViewer({
      account: ACCOUNTS[i % 2] ?? "",
      token: tokens[i % CROWDS] ?? "",
      transport: i % 4 < 2 ? "websocket" : "sse",
      filter: FILTERS[i % FILTERS.length] ?? {},
      random,
      edgeUrl: async () => {
        const edge = await halves.edges[Math.floor(random() * halves.edges.length)]?.living();
        return edge?.url ?? "";
      },
    }));
  await Promise.all(viewers.map(({ ready }) => ready));
  return viewers;
}

/** What was given to a core that vanished comes again much sooner; after this much silence, never. */
const SILENCE_MS = 60_000;

/** Reads the log, oldest first, until it tells the end of all that was sent, or nothing more. */
async function followLog(
  { call }: RunningDaemon,
  sent: readonly Delivery[],
): Promise<ReadonlyMap<string, readonly LoggedEvent[]>> {
  const logs = new Map<string, LoggedEvent[]>(ACCOUNTS.map((account) => [account, []]));
  let missing = sent.length + sent.filter(hasTurn).length;
  for (let after = 0; missing > 0;) {
    const page = await call<{ events: SeenEvent[]; cursor: number }>("events/list", {
      after,
      wait_ms: SILENCE_MS,
      limit: 1000,
    });
    if (page.events.length === 0) break;
    after = page.cursor;
    for (const event of page.events) {
      if (event.kind === "webhook_accepted" || event.kind === "turn_finished") missing--;
      const log = logs.get(String(event["tenant_id"]));
      log?.push({
        account_id: String(event["tenant_id"]),
        offset: log.length + 1,
        kind: event.kind,
        agent_id: event["agent_id"] as string | undefined ?? null,
        body: JSON.stringify(event),
      });
    }
  }
  return logs;
}

function checkDeliveries(
  { deliveries: kept, inbounds, turns, events, leftovers }: Ledger,
  sent: readonly Delivery[],
): void {
  expect(kept.map((row) => `${row.account_id} ${row.delivery_id} ${row.state}`).toSorted()).toEqual(
    sent.map((it) => `${it.account} ${it.id} ${hasTurn(it) ? "done" : "unmatched"}`).toSorted(),
  );
  expect(inbounds.map(({ delivery_id }) => String(delivery_id)).toSorted()).toEqual(
    sent.filter(hasTurn).map(({ id }) => id).toSorted(),
  );
  expect(new Set(turns.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]));
  expect(turns.flatMap(({ inboundIds }) => inboundIds).toSorted()).toEqual(
    inbounds.map(({ id }) => id).toSorted(),
  );
  expect(leftovers).toMatchObject({ messages: 0, sends: 0, steps: 0, dead_letters: 0 });
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
  const kinds = groupBy(events, ({ kind }) => kind);
  expect(kinds.get("webhook_accepted")).toHaveLength(sent.length);
  expect(kinds.get("turn_finished")).toHaveLength(turns.length);
}

describe("kill -9 of either half and of what is between them", () => {
  it(`loses, doubles and shows nothing amiss (NEXO_CHAOS_SEED=${SEED} NEXO_CHAOS_STRIKES=${STRIKES})`, async () => {
    const random = createRandom(SEED);
    await using server = await startNatsServer({ jetStream: true });
    await using place = await openDaemonPlace({
      env: {
        NEXO_NATS_URL: server.url,
        NEXO_EDGE_KEY: "a key that only core and its edges know",
        GITHUB_WEBHOOK_SECRET: SECRET,
        NEXO_LOG: "warning",
      },
    });
    for (const [name, text] of Object.entries(CONFIG)) await place.writeConfig(name, text);
    const halves = await keepHalves({ server, place, random });
    const viewers = await openViewers(halves, random);
    const sent = deliveries();

    const refusals = await burst(halves, random, sent);
    // With JetStream there, an edge needs no core to accept.
    expect(refusals.filter(({ busLost }) => !busLost)).toEqual([]);
    expect(refusals.filter(({ status }) => status !== 503)).toEqual([]);
    for (const [name, kills] of Object.entries(halves.kills())) {
      expect(kills, name).toBeGreaterThan(0);
    }

    const core = await halves.core.living();
    const logs = await followLog(core, sent);
    await Promise.all(viewers.map(async (viewer) => {
      await viewer.reached(lastWanted(viewer, logs.get(viewer.account) ?? []));
      viewer.stop();
      await viewer.over;
    }));
    expect(await core.stop()).toBe(0);

    const ledger = await readLedger(place.home);
    checkDeliveries(ledger, sent);
    const kept = groupBy(ledger.events, ({ account_id }) => account_id);
    for (const viewer of viewers) checkViewer(viewer, kept.get(viewer.account) ?? []);
    expect(viewers.every((viewer) => viewer.connections() > 1)).toBe(true);
  });
});
