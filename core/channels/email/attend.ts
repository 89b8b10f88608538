/**
 * Reading a mailbox: new mails as they come, each kept before the place in the mailbox moves on.
 *
 * @module
 */
import type { ImapFlow } from "imapflow";
import { z } from "zod";
import { bodyOfBytes, type Handoff, messageOf, type Outcome } from "../../contract/mod.ts";
import { delay } from "../../flow/delay.ts";
import type { Attendance } from "../channel.ts";
import type { ChannelMemory } from "../kind.ts";
import { handoffOf } from "../own_handoff.ts";

/** A mailbox and how it is read. */
export interface Mailbox {
  readonly instance: string;
  readonly folder: string;
  /** The longest wait for news, in milliseconds. */
  readonly waitMs: number;
  readonly memory: ChannelMemory;
  readonly deliver: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  readonly uuid: () => string;
  readonly now: () => number;
}

/** Bytes of one mail; what is longer is cut, and its last file may be lost. */
const MAX_MAIL_BYTES = 10 * 1024 * 1024;

/** The last mail that was kept; the mailbox begins anew when its numbering does. */
const Place = z.object({ validity: z.string(), uid: z.int().nonnegative() });
type Place = z.infer<typeof Place>;

const ImapFailure = z.looseObject({ authenticationFailed: z.literal(true) });

/** Reads until `signal` aborts or the connection ends. */
export async function attendMailbox(
  client: ImapFlow,
  mailbox: Mailbox,
  signal: AbortSignal,
): Promise<Attendance> {
  const stop = (): void => client.close();
  signal.addEventListener("abort", stop, { once: true });
  // Without a listener a broken connection would end the process; what is awaited fails as well.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.mailboxOpen(mailbox.folder);
    return await read(client, mailbox, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reason = `the mailbox cannot be read: ${messageOf(error)}`;
    return { kind: ImapFailure.safeParse(error).success ? "auth" : "failed", reason };
  } finally {
    signal.removeEventListener("abort", stop);
    client.close();
  }
}

async function read(
  client: ImapFlow,
  mailbox: Mailbox,
  signal: AbortSignal,
): Promise<Attendance> {
  let place = await placeIn(client, mailbox);
  for (;;) {
    const news = waitForNews(client, mailbox.waitMs, signal);
    const next = await keepNews(client, place, mailbox);
    if (next === "refused") return { kind: "failed", reason: "a mail could not be kept" };
    place = next;
    await news;
    signal.throwIfAborted();
    if (!client.usable) return { kind: "failed", reason: "the mail server ended the connection" };
  }
}

/** Where reading goes on; of a mailbox seen for the first time what is in it already is not read. */
async function placeIn(client: ImapFlow, mailbox: Mailbox): Promise<Place> {
  const { memory } = mailbox;
  const open = client.mailbox;
  if (open === false || open === undefined) throw new Error("no mailbox is open");
  const validity = String(open.uidValidity);
  const kept = Place.safeParse(JSON.parse(await memory.get(keyOf(mailbox)) ?? "null"));
  if (kept.success && kept.data.validity === validity) return kept.data;
  const place = { validity, uid: open.uidNext - 1 };
  await memory.put(keyOf(mailbox), JSON.stringify(place));
  return place;
}

function keyOf({ instance, folder }: Mailbox): string {
  return `email/${instance}/${folder}`;
}

/** Keeps the mails that came since, in their order; returns where reading goes on. */
async function keepNews(
  client: ImapFlow,
  place: Place,
  mailbox: Mailbox,
): Promise<Place | "refused"> {
  const found = await client.search({ uid: `${place.uid + 1}:*` }, { uid: true });
  // A range to `*` always holds the last mail, also when that is an old one.
  const fresh = (found === false || found === undefined ? [] : found)
    .filter((uid) => uid > place.uid).sort((a, b) => a - b);
  let next = place;
  for (const uid of fresh) {
    const source = await readSource(client, uid);
    if (source !== undefined) {
      const [outcome] = await mailbox.deliver([handoffOf({
        channel: "email",
        instance: mailbox.instance,
        kind: "message/rfc822",
        body: bodyOfBytes(source),
        id: `${mailbox.folder}/${place.validity}/${uid}`,
      }, mailbox)]);
      if (outcome === undefined || outcome.kind === "refused") return "refused";
    }
    next = { ...place, uid };
    await mailbox.memory.put(keyOf(mailbox), JSON.stringify(next));
  }
  return next;
}

/** One mail, or its beginning; undefined when it was deleted meanwhile. */
async function readSource(client: ImapFlow, uid: number): Promise<Buffer | undefined> {
  const head = await client.fetchOne(String(uid), { uid: true, size: true }, { uid: true });
  if (head === false || head === undefined) return undefined;
  const source = (head.size ?? 0) > MAX_MAIL_BYTES ? { maxLength: MAX_MAIL_BYTES } : true;
  const mail = await client.fetchOne(String(uid), { uid: true, source }, { uid: true });
  return mail === false || mail === undefined ? undefined : mail.source;
}

/** Resolves when the server tells of a mail, the connection ends, or `waitMs` are over. */
function waitForNews(client: ImapFlow, waitMs: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  client.once("exists", end);
  client.once("close", end);
  signal.addEventListener("abort", end, { once: true });
  return delay(waitMs, { signal: over.signal }).catch(() => undefined).finally(() => {
    client.off("exists", end);
    client.off("close", end);
    signal.removeEventListener("abort", end);
  });
}
