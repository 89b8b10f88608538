/**
 * What every channel must do, against its provider's protocol on this machine.
 *
 * @module
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Channel, Heard, HeardMessage } from "../../core/channels/channel.ts";
import { textLimitOf } from "../../core/channels/registry.ts";
import { codeOf, type OutboundBody } from "../../core/contract/mod.ts";
import type { Outbound } from "../../core/queues/outbound.ts";
import { uuid } from "../support/spine.ts";

/** What a person or provider can do. */
export type Doing =
  | "text"
  | "media"
  | "reply"
  | "edit"
  | "reaction"
  | "choice"
  | "group"
  | "own"
  | "receipt"
  | "several";

/** How a provider can refuse. */
export type Refusal = "busy" | "limited" | "auth" | "permanent" | "silent";

/** A message as the provider got it. */
export interface Arrived {
  readonly to: string;
  /** The thread or topic in it, where there is one. */
  readonly thread: string | null;
  readonly text: string;
  /** What it quotes. */
  readonly quotes: string | null;
  /** Where its file is fetched from. */
  readonly url?: string | null;
}

/** A channel and its provider. */
export interface ChannelTrial extends AsyncDisposable {
  readonly channel: Channel;
  readonly instance: string;
  /** Bodies as the provider posts them, for what it can do. Everybody says "hello". */
  readonly events: Partial<Record<Doing, unknown>>;
  /** Somebody to write to, as a contact stands in a conversation's key, and as the provider sees it. */
  readonly contact: string;
  readonly address: string;
  /** What the provider was asked to show, oldest first. */
  readonly arrived: () => readonly Arrived[] | Promise<readonly Arrived[]>;
  /** Makes the provider refuse everything in one way until it is told otherwise. */
  readonly refuse: (how: Refusal | undefined) => void;
  /** Ways of refusing the provider does not have. */
  readonly never?: readonly Refusal[];
  /** The id of ours in the receipt, where the provider gives it back. */
  readonly receiptFor?: string;
  /** A file that can be fetched. @default an address nobody fetches here */
  readonly file?: string;
  /** Who says hello. @default {"7"} */
  readonly sender?: string;
  /** Whether an answer can quote. @default {true} */
  readonly quotes?: boolean;
}

const never = new AbortController().signal;

/** Registers the suite of one channel. */
export function channelSuite(name: string, open: () => Promise<ChannelTrial>): void {
  describe(`the ${name} channel`, () => {
    let trial: ChannelTrial;
    beforeAll(async () => {
      trial = await open();
    });
    afterAll(() => trial[Symbol.asyncDispose]());

    async function hear(body: unknown): Promise<Heard> {
      const { channel, instance } = trial;
      const heard = await channel.hear?.({
        schema: 1,
        source_id: `${name}:${instance}`,
        event_kind: "event",
        body_json: body,
        headers_subset: {},
        received_at_ms: 1_700_000_000_000,
        // The same event again has the same.
        envelope_id: "01890000-0000-7000-8000-000000000001",
        client_ip: null,
      }, instance);
      return heard ?? { messages: [], receipts: [] };
    }

    async function only(doing: Doing): Promise<HeardMessage> {
      const { messages } = await hear(trial.events[doing]);
      expect(messages).toHaveLength(1);
      return messages[0] as HeardMessage;
    }

    function send(body: OutboundBody, contact = trial.contact) {
      const outbound: Outbound = {
        id: uuid(),
        account_id: "acme",
        agent_id: "ana",
        session_id: uuid(),
        channel: name,
        instance: trial.instance,
        contact,
        turn_id: null,
        body,
        expires_at_ms: Date.now() + 60_000,
      };
      return trial.channel.send(outbound, { signal: never });
    }

    const text = (words: string, to: OutboundBody["to"] = null): OutboundBody => ({
      kind: "text",
      text: words,
      to,
      reply_to_msg_id: null,
    });
    const last = async () => (await trial.arrived()).at(-1);
    /** A test of what only some providers can do. */
    const itsEvent = (doing: Doing, says: string, check: () => void | Promise<void>) =>
      it(says, async ({ skip }) => {
        if (trial.events[doing] === undefined) skip("the provider has no such thing");
        await check();
      });

    itsEvent("text", "hears what somebody says, who, where and when", async () => {
      const message = await only("text");
      expect(message).toMatchObject({
        chat: "direct",
        parts: [{ kind: "text", text: "hello" }],
        sender: { id: trial.sender ?? "7" },
        editOf: null,
        replyToMsgId: null,
        fromMe: false,
      });
      expect(message.msgId).toMatch(/./);
      expect(message.sentAtMs).toBeGreaterThan(1_600_000_000_000);
    });

    itsEvent("text", "says the same of the same event, so that it is known again", async () => {
      expect(await hear(trial.events.text)).toEqual(await hear(trial.events.text));
    });

    itsEvent("media", "hears files as parts that can be fetched", async () => {
      const media = (await only("media")).parts.find(({ kind }) => kind === "media");
      expect(media).toMatchObject({ kind: "media", media: "image" });
      expect(media).toHaveProperty("ref", expect.stringMatching(/./));
    });

    itsEvent("reply", "hears what a message answers", async () => {
      expect((await only("reply")).replyToMsgId).toMatch(/./);
    });

    itsEvent("edit", "hears a new version as one, under an id of its own", async () => {
      const message = await only("edit");
      expect(message.editOf).toMatch(/./);
      expect(message.msgId).not.toBe(message.editOf);
    });

    itsEvent("reaction", "hears reactions and what they are to", async () => {
      const [part] = (await only("reaction")).parts;
      expect(part).toMatchObject({
        kind: "reaction",
        emoji: expect.stringMatching(/./) as unknown,
        to_msg_id: expect.stringMatching(/./) as unknown,
      });
    });

    itsEvent("choice", "hears buttons", async () => {
      expect((await only("choice")).parts).toMatchObject([{ kind: "choice", data: "yes" }]);
    });

    itsEvent(
      "group",
      "answers a question from a room in the room, never its sender alone",
      async () => {
        const { contact, chat, replyAddress, sender, msgId } = await only("group");
        expect(chat).toBe("group");
        expect(sender?.id).toBe("7");
        const quote = { kind: "reply", text: "to all", reply_to_msg_id: msgId ?? "" } as const;
        await send({ ...quote, to: replyAddress }, contact);
        const captured = await last();
        expect(captured?.text).toBe("to all");
        expect(captured?.to).not.toBe("7");
        // The contact alone is enough: that is all an operator or a microapp knows.
        await send({ ...quote, to: null }, contact);
        expect(await last()).toMatchObject({ to: captured?.to, thread: captured?.thread });
      },
    );

    itsEvent("own", "knows what our own side wrote", async () => {
      expect((await only("own")).fromMe).toBe(true);
    });

    itsEvent("several", "hears every message of an event that brings several", async () => {
      const ids = (await hear(trial.events.several)).messages.map(({ msgId }) => msgId);
      expect(ids.length).toBeGreaterThan(1);
      expect(new Set(ids).size).toBe(ids.length);
    });

    itsEvent("receipt", "hears what became of a message that was sent", async () => {
      const { messages, receipts } = await hear(trial.events.receipt);
      expect(messages).toEqual([]);
      expect(receipts).toHaveLength(1);
      expect(receipts[0]?.outboundId).toBe(trial.receiptFor ?? null);
    });

    it("hears nothing, and fails at nothing, in what no provider sends", async () => {
      await fc.assert(fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (body) => {
        expect((await hear(body)).messages).toEqual([]);
      }));
      // A real event with one value replaced, anywhere in it.
      const samples = Object.values(trial.events).filter((body) => body !== undefined);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...samples, {}),
          fc.nat(),
          fc.jsonValue(),
          async (body, n, junk) => {
            const broken = JSON.parse(JSON.stringify(body)) as unknown;
            const paths = leaves(broken);
            setAt(broken, paths[n % paths.length] ?? [], junk);
            // A refusal with a code is an answer: the event becomes a dead letter.
            const { messages } = await hear(broken).catch((error: unknown) => {
              if (codeOf(error) !== "inbound_refused") throw error;
              return { messages: [] };
            });
            expect(Array.isArray(messages)).toBe(true);
          },
        ),
      );
    });

    it("sends text to a contact, and to the address a message came with", async () => {
      expect(await send(text("hi there"))).toMatchObject({ kind: "sent" });
      expect(await last()).toMatchObject({ to: trial.address, text: "hi there" });
      if (trial.events.text === undefined) return;
      const { replyAddress, contact } = await only("text");
      expect(await send(text("to you", replyAddress), contact)).toMatchObject({ kind: "sent" });
      expect((await last())?.text).toBe("to you");
    });

    it("quotes what it answers", async ({ skip }) => {
      if (trial.quotes === false) skip("the provider cannot quote");
      const message = await only("text");
      const reply_to_msg_id = message.msgId ?? "";
      await send(
        { kind: "reply", text: "indeed", to: message.replyAddress, reply_to_msg_id },
        message.contact,
      );
      expect(await last()).toMatchObject({ text: "indeed", quotes: reply_to_msg_id });
    });

    it("sends the longest text it says it can", async () => {
      const longest = "x".repeat(Math.min(textLimitOf(name), 20_000));
      expect(await send(text(longest))).toMatchObject({ kind: "sent" });
      expect((await last())?.text).toHaveLength(longest.length);
    });

    it("sends files", async ({ skip }) => {
      if (!trial.channel.sends.has("media")) skip("it has no files");
      const url = trial.file ?? "https://files.example/cat.png";
      const body: OutboundBody = {
        kind: "media",
        media: "image",
        url,
        mime: "image/png",
        name: "cat.png",
        caption: "a cat",
        to: null,
        reply_to_msg_id: null,
      };
      expect(await send(body)).toMatchObject({ kind: "sent" });
      expect(await last()).toMatchObject({
        text: expect.stringContaining("a cat") as unknown,
        url,
      });
    });

    it.each(["busy", "limited", "auth", "permanent", "silent"] as const)(
      "knows what to do when the provider is %s",
      async (how) => {
        if (trial.never?.includes(how) === true) return;
        trial.refuse(how);
        try {
          const result = await send(text("anybody?"));
          expect(result.kind).toBe(
            {
              busy: "retry",
              limited: "limited",
              auth: "auth",
              permanent: "permanent",
              silent: "retry",
            }[
              how
            ],
          );
          if (result.kind === "limited") expect(result.afterMs).toBe(3000);
        } finally {
          trial.refuse(undefined);
        }
        expect(await send(text("again"))).toMatchObject({ kind: "sent" });
      },
    );

    it("says of an instance nobody declared that nobody can send there", async () => {
      if (trial.channel.ready === undefined) return;
      expect(await trial.channel.ready("nowhere")).toMatchObject({ kind: "not_ready" });
    });
  });
}

type Path = readonly (string | number)[];

function leaves(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, [...path, Array.isArray(value) ? Number(key) : key])
  );
}

function setAt(target: unknown, path: Path, value: unknown): void {
  const last = path.at(-1);
  if (last === undefined) return;
  let inner = target as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) inner = inner[key] as typeof inner;
  inner[last] = value;
}
