/**
 * `kill -9` at any moment of takeovers: still paused, nothing lost, nothing said twice, order and times right.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CodedError, codeOf } from "../../core/contract/mod.ts";
import { openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { eventually } from "../support/watch.ts";
import { createRandom, type Immortal, insist, keepAlive, plan } from "./immortal.ts";

const SEED = Number(process.env["NEXO_CHAOS_SEED"] ?? Date.now() % 1_000_000);
const KILLS = 5;
const ACCOUNTS = ["acme", "globex"];
const CONTACTS = 3;
/** What happens in each conversation, for the plan of the blows. */
const ACTS = 8;
const HASH = "135c402134ad5140";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat, instance: globex }
    config: { debounce_ms: 0 }
`;

interface Entry {
  readonly role: string;
  readonly body: string;
  readonly sent_at_ms: number;
}

interface Conversation {
  readonly conversation: { readonly session_id: string; readonly pending: number } | null;
  readonly events: readonly Entry[];
}

/** Does it in whichever process lives; what is done again must do nothing more. */
async function certainly<T>(
  immortal: Immortal<RunningDaemon>,
  act: (daemon: RunningDaemon) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await act(await immortal.living());
    } catch (error) {
      const lost = error instanceof CodedError ? error.retryable : error instanceof TypeError;
      if (!lost && codeOf(error) !== "internal") throw error;
    }
  }
}

it(`takeovers outlive kill -9 (NEXO_CHAOS_SEED=${SEED})`, async () => {
  await using place = await openDaemonPlace({ env: { NEXO_LOG: "warning" } });
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig("webhook_receiver.yaml", "enabled: false\n");
  await place.writeConfig("extensions.yaml", "extensions: {}\n");
  const immortal = keepAlive(() => place.start());
  await immortal.living();
  const key = (await readFile(join(place.home, "keys/operator.key"), "utf8")).trim();
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const random = createRandom(SEED);
  const blows = plan({
    count: KILLS,
    total: ACCOUNTS.length * CONTACTS * ACTS,
    random,
    strike: immortal.kill,
  });

  async function takeOver(account: string, contact: string): Promise<void> {
    const scope = {
      kind: "conversation",
      agent_id: "ana",
      channel: "webchat",
      account_id: account,
      contact_id: contact,
    };
    const call = <T>(method: string, params: object) =>
      certainly(immortal, ({ call: ask }) => ask<T>(`nexo/admin/${method}`, params));
    const act = async <T>(method: string, params: object): Promise<T> => {
      const done = await call<T>(method, { scope, operator_token_hash: HASH, ...params });
      blows.happened();
      return done;
    };
    const say = async (number: number): Promise<void> => {
      const body = JSON.stringify({
        text: `#${number}`,
        contact,
        client_msg_id: `${account}/${contact}/${number}`,
      });
      await insist(immortal, async ({ edgeUrl }) => {
        const url = `${edgeUrl}/chat/${account}/messages`;
        return (await fetch(url, { method: "POST", headers, body })).status;
      });
      blows.happened();
    };
    const heard = () =>
      certainly(immortal, async ({ edgeUrl }) => {
        const query = new URLSearchParams({ contact });
        const url = `${edgeUrl}/chat/${account}/messages?${query.toString()}`;
        const page = await (await fetch(url, { headers })).json() as {
          messages: { text: string }[];
        };
        return page.messages.map(({ text }) => text);
      });
    const read = async (): Promise<Conversation> => {
      const { conversations: [found] } = await call<
        { conversations: { session_id: string }[] }
      >("conversations/list", { tenant_id: account, contact_id: contact });
      const params = { tenant_id: account, agent_id: "ana", session_id: found?.session_id ?? "" };
      return call("conversations/read", params);
    };
    /** Looks after every event until it is so, whichever process tells of it. */
    const until = <T>(look: () => Promise<T | undefined>): Promise<T> =>
      certainly(immortal, (daemon) => eventually(daemon, look));
    const untilHeard = (count: number) =>
      until(async () => (await heard()).length >= count ? true : undefined);

    await say(0);
    await untilHeard(1);
    await act("processing/pause", { reason: "chaos" });
    const startedMs = Date.now();
    await say(1);
    await act("processing/intervention", {
      action: {
        kind: "reply",
        channel: "webchat",
        account_id: account,
        to: contact,
        body: "a person",
        msg_kind: "text",
      },
      idempotency_key: "once",
    });
    await say(2);
    const waiting = await until(async () => {
      const found = await read();
      return found.conversation?.pending === 2 ? found : undefined;
    });
    const state = await call<{ state: { state: string } }>("processing/state", { scope });
    expect(state.state).toMatchObject({ state: "paused_by_operator", operator_token_hash: HASH });
    expect(await heard()).toEqual(['You said: "#0"', "a person"]);
    await act("processing/resume", {
      session_id: waiting.conversation?.session_id,
      summary_for_agent: "done",
    });
    const endedMs = Date.now();
    await say(3);
    await untilHeard(3);
    blows.happened();

    expect(await heard()).toEqual(['You said: "#0"', "a person", 'You said: "#3"']);
    const { events } = await read();
    const told = events.map(({ role, body }) => `${role} ${body}`);
    // A person and a customer may speak at the same time; all else has one order.
    expect(told.toSorted()).toEqual([
      'assistant You said: "#0"',
      'assistant You said: "#3"',
      "assistant a person",
      "system [operator_summary] done",
      "user #0",
      "user #1",
      "user #2",
      "user #3",
    ]);
    expect(told.filter((line) => /^(user|system)/.test(line))).toEqual([
      "user #0",
      "user #1",
      "user #2",
      "system [operator_summary] done",
      "user #3",
    ]);
    for (const { body, sent_at_ms: atMs } of events.filter(({ body }) => /^#[12]$/.test(body))) {
      expect(atMs, body).toBeGreaterThanOrEqual(startedMs);
      expect(atMs, body).toBeLessThanOrEqual(endedMs);
    }
  }

  await Promise.all(
    ACCOUNTS.flatMap((account) =>
      Array.from({ length: CONTACTS }, (_, i) => takeOver(account, `contact-${i}`))
    ),
  );
  await blows.over();
  expect(immortal.kills()).toBe(KILLS);
}, 300_000);
