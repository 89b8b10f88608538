/**
 * A burst on every channel at once, while core is killed: each message is answered once, in order, at
 * the right address.
 *
 * Telegram, Slack and mail know no repetition: of what was under way at a kill nobody here can say
 * whether it arrived, so it becomes a dead letter, and whoever looks at the provider replays what did
 * not. That is done here, too.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { addressOf, type Chat, statusPost } from "../support/channels/people.ts";
import { PROVIDED, TENANTS } from "../support/channels/tenants.ts";
import { openTown, type Town } from "../support/channels/town.ts";
import { openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { openProvider, type Provider } from "../support/provider.ts";
import { createRandom, type Immortal, insist, keepAlive, plan } from "./immortal.ts";
import { readLedger } from "./ledger.ts";

const SEED = Number(process.env["NEXO_CHAOS_SEED"] ?? Date.now() % 1_000_000);
const KILLS = 2;
const PEOPLE = 4;
/** 21 make a burst of about a thousand. */
const MESSAGES_EACH = Number(process.env["NEXO_BURST_EACH"] ?? 8);

/** Half of each channel's conversations are groups, where there are such. */
const CHATS: readonly Chat[] = PROVIDED.flatMap((channel) =>
  TENANTS.flatMap((instance) =>
    Array.from({ length: PEOPLE }, (_, person) => ({
      channel,
      instance,
      person,
      group: channel !== "email" && person % 2 === 1,
    }))
  )
);
const VISITORS = TENANTS.flatMap((instance) =>
  Array.from({ length: PEOPLE }, (_, person) => ({ instance, contact: `visitor-${person}` }))
);
const TOTAL = (CHATS.length + VISITORS.length) * MESSAGES_EACH;

const MAILS = CHATS.filter(({ channel }) => channel === "email").length * MESSAGES_EACH;

/** Every message has a number of its own; those of a conversation follow each other. */
const numbersOf = (lane: number): number[] =>
  Array.from({ length: MESSAGES_EACH }, (_, i) => lane * MESSAGES_EACH + i);
const numbersIn = (text: string): number[] =>
  Array.from(text.matchAll(/#(\d+)/g), ([, digits]) => Number(digits));
const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

interface Stage {
  readonly immortal: Immortal<RunningDaemon>;
  readonly town: Town;
  readonly provider: Provider;
  readonly headers: Readonly<Record<string, string>>;
}

/** Says everything in every conversation, the next once the last was acknowledged. */
async function burst(stage: Stage, random: () => number): Promise<void> {
  const { immortal, town, provider, headers } = stage;
  const blows = plan({ count: KILLS, total: TOTAL, random, strike: immortal.kill });
  const sayInChat = async (chat: Chat, number: number): Promise<void> => {
    const saying = { ...chat, text: `#${number}`, number: number % MESSAGES_EACH };
    const post = town.say(saying);
    if (post === undefined) return;
    await insist(immortal, ({ edgeUrl }) => provider.post(edgeUrl + post.path, post));
    await tellStatuses(stage);
  };
  const sayOnTheWeb = async ({ instance, contact }: typeof VISITORS[number], number: number) => {
    const body = JSON.stringify({ text: `#${number}`, contact, client_msg_id: `${number}` });
    const path = `/chat/${instance}/messages`;
    await insist(immortal, ({ edgeUrl }) => provider.post(edgeUrl + path, { body, headers }));
  };
  const talk = async (lane: number, say: (number: number) => Promise<void>): Promise<void> => {
    for (const number of numbersOf(lane)) {
      await say(number);
      blows.happened();
    }
  };
  await Promise.all([
    ...CHATS.map((chat, i) => talk(i, (number) => sayInChat(chat, number))),
    ...VISITORS.map((visitor, i) =>
      talk(CHATS.length + i, (number) => sayOnTheWeb(visitor, number))
    ),
  ]);
  await blows.over();
}

/** WhatsApp tells what became of the messages it took. */
async function tellStatuses({ immortal, town, provider }: Stage): Promise<void> {
  for (const status of town.statuses.splice(0)) {
    const post = statusPost(status);
    await insist(immortal, ({ edgeUrl }) => provider.post(edgeUrl + post.path, post));
  }
}

/** Mails that core has taken from the mailboxes, which nobody hands to it. */
async function mailsTaken({ call }: RunningDaemon): Promise<number> {
  const taken = await Promise.all(TENANTS.map(async (instance) => {
    const query = { source: `email:${instance}`, limit: 1000 };
    return (await call<{ deliveries: unknown[] }>("inbox/list", query)).deliveries.length;
  }));
  return taken.reduce((sum, count) => sum + count);
}

/** Resolves when all that was said was heard, and nothing waits for a turn or for its channel any more. */
async function untilIdle(stage: Stage): Promise<RunningDaemon> {
  const daemon = await stage.immortal.living();
  await vi.waitFor(async () => {
    await tellStatuses(stage);
    // The way a message takes: what has left one place before it is looked at is seen in the next.
    const mails = await mailsTaken(daemon);
    const { waiting } = await daemon.call<{ waiting: number }>("status");
    const response = await fetch(`${daemon.edgeUrl}/metrics`, { headers: stage.headers });
    const queued = /^nexo_outbox_queued (\d+)$/m.exec(await response.text())?.[1];
    expect({ mails, queued, waiting }).toEqual({ mails: MAILS, queued: "0", waiting: 0 });
  }, { timeout: 120_000, interval: 200 });
  return daemon;
}

/** The numbers each dead letter was to tell, by the letter's id. */
async function lettersOf(home: string, letters: readonly DeadLetter[]) {
  const { events, transcripts } = await readLedger(home);
  const failed = new Map(
    events.filter(({ kind }) => kind === "outbound_failed").map(({ body }) => {
      const { outbound_id, turn_id } = JSON.parse(body) as Record<string, string>;
      return [outbound_id, turn_id];
    }),
  );
  const answers = new Map(
    transcripts.filter(({ role, body }) => role === "assistant" && body !== "")
      .map(({ turn_id, body }) => [turn_id, numbersIn(body)]),
  );
  return letters.map((letter) => ({
    ...letter,
    numbers: answers.get(failed.get(letter.ref_id) ?? "") ?? [],
  }));
}

interface DeadLetter {
  readonly id: string;
  readonly ref_id: string;
  readonly source: string;
  readonly code: string;
}

describe("a burst on every channel", () => {
  it(`is answered once, in order and where it was asked (NEXO_CHAOS_SEED=${SEED})`, async () => {
    await using town = await openTown();
    await using place = await openDaemonPlace({ env: { NEXO_LOG: "warning" } });
    for (const [file, text] of Object.entries(town.files)) await place.writeConfig(file, text);
    const immortal = keepAlive(() => place.start());
    await immortal.living();
    await town.settled;
    using provider = openProvider({ connections: 64 });
    const key = (await readFile(join(place.home, "keys", "operator.key"), "utf8")).trim();
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const stage = { immortal, town, provider, headers };

    await burst(stage, createRandom(SEED));
    expect(immortal.kills()).toBe(KILLS);
    const survivor = await untilIdle(stage);
    const { dead_letters } = await survivor.call<{ dead_letters: DeadLetter[] }>("dlq/list", {
      limit: 1000,
    });
    const inTime = town.arrived.length;
    const before = new Set(town.arrived.flatMap(({ text }) => numbersIn(text)));
    expect(await survivor.stop()).toBe(0);

    // Whoever looks at the providers replays what did not arrive.
    const letters = await lettersOf(place.home, dead_letters);
    const last = await place.start();
    for (const { id, code, source, numbers } of letters) {
      expect(code).toBe("outbound_uncertain");
      expect(source).toMatch(/^(telegram|slack|email|whatsapp):/);
      expect(numbers.length, source).toBeGreaterThan(0);
      const arrived = numbers.every((number) => before.has(number));
      // WhatsApp says what it took, so nobody has to look.
      if (source.startsWith("whatsapp")) expect(arrived, source).toBe(false);
      if (!arrived) await last.call("dlq/replay", { id });
    }
    const isIdle = { ...stage, immortal: { ...immortal, living: () => Promise.resolve(last) } };
    await untilIdle(isIdle);

    const once = CHATS.flatMap((_, i) => numbersOf(i));
    expect(ascending(town.arrived.flatMap(({ text }) => numbersIn(text)))).toEqual(once);
    for (const [i, chat] of CHATS.entries()) {
      const { channel, instance } = chat;
      const own = new Set(numbersOf(i));
      const answers = town.arrived.filter(({ text }) => numbersIn(text).some((n) => own.has(n)));
      for (const { text: _, ...where } of answers) {
        expect(where).toEqual({ channel, instance, ...addressOf(chat) });
      }
      const inOrder = town.arrived.slice(0, inTime).flatMap(({ text }) => numbersIn(text))
        .filter((number) => own.has(number));
      expect(inOrder).toEqual(ascending(inOrder));
    }
    for (const [i, { instance, contact }] of VISITORS.entries()) {
      const read = await repliesTo(last, { instance, contact }, headers);
      expect(read.flatMap(numbersIn), contact).toEqual(numbersOf(CHATS.length + i));
    }
    expect(await last.stop()).toBe(0);
    expect((await readLedger(place.home)).leftovers).toMatchObject({ deliveries: 0, messages: 0 });
  });
});

/** What a visitor reads, oldest first. */
async function repliesTo(
  { edgeUrl }: RunningDaemon,
  { instance, contact }: typeof VISITORS[number],
  headers: Readonly<Record<string, string>>,
): Promise<string[]> {
  const replies: string[] = [];
  for (let after = "";;) {
    const query = new URLSearchParams({ contact, ...(after === "" ? {} : { after }) });
    const url = `${edgeUrl}/chat/${instance}/messages?${query.toString()}`;
    const page = await (await fetch(url, { headers })).json() as {
      messages: { text: string }[];
      cursor: string;
    };
    if (page.messages.length === 0) return replies;
    replies.push(...page.messages.map(({ text }) => text));
    after = page.cursor;
  }
}
