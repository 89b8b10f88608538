import { describe, expect, it } from "vitest";
import { hearEvent } from "../../../../core/channels/whatsapp/events.ts";
import { whatsapp } from "../../../../core/channels/whatsapp/whatsapp.ts";
import type { ChannelDeps } from "../../../../core/channels/kind.ts";
import { type OutboundBody, textOfParts } from "../../../../core/contract/mod.ts";
import {
  type Arrived,
  channelSuite,
  type ChannelTrial,
  type Refusal,
} from "../../../suites/channel.ts";
import { channelDeps } from "../../../support/channels/deps.ts";
import { openHttpPeer, type PeerAnswer } from "../../../support/channels/http_peer.ts";

const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const HOUR_MS = 3_600_000;

const error = (code: number, message: string) => ({
  error: { message, type: "OAuthException", code, fbtrace_id: "A" },
});
const REFUSALS: Record<Refusal, PeerAnswer> = {
  busy: { status: 500, body: error(131000, "Something went wrong") },
  limited: {
    status: 400,
    headers: { "retry-after": "3" },
    body: error(130429, "Rate limit hit"),
  },
  auth: { status: 401, body: error(190, "Error validating access token") },
  permanent: { status: 400, body: error(131026, "Message undeliverable") },
  silent: null,
};

/** A change as Meta posts it. */
function change(value: Record<string, unknown>, field = "messages") {
  return {
    object: "whatsapp_business_account",
    entry: [{
      id: "102290129340398",
      changes: [{
        field,
        value: {
          messaging_product: "whatsapp",
          metadata: { display_phone_number: "15550783881", phone_number_id: "106540352242922" },
          ...value,
        },
      }],
    }],
  };
}

function message(more: Record<string, unknown>, id = "wamid.1") {
  return change({
    contacts: [{ profile: { name: "Ann" }, wa_id: "7" }],
    messages: [{ from: "7", id, timestamp: "1700000000", type: "text", ...more }],
  });
}

interface Sent {
  readonly to: string;
  readonly type: string;
  readonly recipient_type: string;
  readonly text?: { readonly body: string };
  readonly image?: { readonly link: string; readonly caption: string };
  readonly template?: { readonly name: string };
  readonly context?: { readonly message_id: string };
  readonly biz_opaque_callback_data?: string;
}

async function open(
  { plugin = "", ...over }: Partial<ChannelDeps> & { plugin?: string } = {},
) {
  let refusal: Refusal | undefined;
  const peer = await openHttpPeer(({ method, path, headers }) => {
    if (refusal !== undefined) return REFUSALS[refusal];
    if (headers.authorization !== "Bearer EAA-token") return REFUSALS.auth;
    if (path === "/v23.0/media-1") {
      return { body: { url: `${peer.url}/lookaside/1`, mime_type: "image/png", id: "media-1" } };
    }
    if (path === "/lookaside/1") return { body: PNG };
    if (method !== "POST" || path !== "/v23.0/106540352242922/messages") {
      return { status: 404, body: error(100, "Unknown path") };
    }
    const id = `wamid.${peer.requests.length}`;
    return { body: { messaging_product: "whatsapp", contacts: [], messages: [{ id }] } };
  });
  const deps = await channelDeps(
    "whatsapp",
    `whatsapp: { instance: acme, enabled: true, phone_number_id: 106540352242922,
      access_token: EAA-token, app_secret: app-secret, api_root: "${peer.url}", ${plugin} }`,
    over,
  );
  const channel = whatsapp.open(deps);
  return {
    channel,
    peer,
    refuse: (how: Refusal | undefined) => void (refusal = how),
    sent: () =>
      peer.requests.filter(({ method }) => method === "POST")
        .map(({ body }) => JSON.parse(body) as Sent),
    send: (body: OutboundBody, contact = "7") =>
      channel.send({
        id: "00000000-0000-7000-8000-000000000001",
        account_id: "acme",
        agent_id: "ana",
        session_id: "s",
        channel: "whatsapp",
        instance: "acme",
        contact,
        turn_id: null,
        body,
        expires_at_ms: Date.now() + 1000,
      }, { signal: new AbortController().signal }),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

const text: OutboundBody = { kind: "text", text: "your order", to: null, reply_to_msg_id: null };

channelSuite("whatsapp", async (): Promise<ChannelTrial> => {
  const { channel, sent, refuse, [Symbol.asyncDispose]: close } = await open();
  return {
    channel,
    instance: "acme",
    contact: "7",
    address: "7",
    receiptFor: "00000000-0000-7000-8000-000000000001",
    events: {
      text: message({ text: { body: "hello" } }),
      media: message({
        type: "image",
        image: { id: "media-1", mime_type: "image/jpeg", sha256: "x", caption: "hello" },
      }),
      reply: message({ text: { body: "hello" }, context: { from: "1", id: "wamid.0" } }),
      reaction: message({
        type: "reaction",
        reaction: { message_id: "wamid.0", emoji: "👍" },
      }),
      choice: message({
        type: "interactive",
        interactive: { type: "button_reply", button_reply: { id: "yes", title: "Yes" } },
      }),
      group: message({ group_id: "Y2FwaV9ncm91cDox", text: { body: "hello" } }),
      own: change({
        message_echoes: [{
          from: "15550783881",
          to: "7",
          id: "wamid.own",
          timestamp: "1700000000",
          type: "text",
          text: { body: "hello" },
        }],
      }, "smb_message_echoes"),
      several: change({
        contacts: [],
        messages: ["a", "b", "c"].map((id) => ({
          from: "7",
          id: `wamid.${id}`,
          timestamp: "1700000000",
          type: "text",
          text: { body: id },
        })),
      }),
      receipt: change({
        statuses: [{
          id: "wamid.9",
          status: "delivered",
          timestamp: "1700000000",
          recipient_id: "7",
          biz_opaque_callback_data: "00000000-0000-7000-8000-000000000001",
        }],
      }),
    },
    arrived: () =>
      sent().map(({ to, text: said, image, context }): Arrived => ({
        to,
        thread: null,
        text: said?.body ?? image?.caption ?? "",
        quotes: context?.message_id ?? null,
        url: image?.link ?? null,
      })),
    refuse,
    [Symbol.asyncDispose]: close,
  };
});

describe("a WhatsApp line", () => {
  it("N2: hears files, reactions and buttons in one list, each readable for a model", () => {
    const textOf = (body: unknown): string => {
      const [heard] = hearEvent(body, "106540352242922").messages;
      return textOfParts(heard?.parts ?? []);
    };
    const image = { id: "media-1", mime_type: "image/jpeg", caption: "my shoe" };
    expect(textOf(message({ type: "image", image }))).toBe("my shoe\n[image: image/jpeg]");
    const reaction = { message_id: "wamid.0", emoji: "👍" };
    expect(textOf(message({ type: "reaction", reaction }))).toBe("[reacted with 👍]");
    const button_reply = { id: "yes", title: "Yes, please" };
    const interactive = { type: "button_reply", button_reply };
    expect(textOf(message({ type: "interactive", interactive }))).toBe("Yes, please");
  });

  const silentFor = (ms: number) => ({ lastHeardMs: () => Promise.resolve(Date.now() - ms) });

  it("sends the template instead of text to somebody silent for 24 hours, where it has one", async () => {
    const plugin = "reengage_template: { name: hello_again, language: en_GB }";
    await using late = await open({ plugin, ...silentFor(25 * HOUR_MS) });
    expect(await late.send(text)).toMatchObject({ kind: "sent" });
    expect(late.sent()).toMatchObject([{
      type: "template",
      template: {
        name: "hello_again",
        language: { code: "en_GB" },
        components: [{ type: "body", parameters: [{ type: "text", text: "your order" }] }],
      },
    }]);
    await using early = await open({ plugin, ...silentFor(23 * HOUR_MS) });
    await early.send(text);
    expect(early.sent()).toMatchObject([{ type: "text" }]);
  });

  it("refuses what nobody could read, and sends templates at any time", async () => {
    await using late = await open(silentFor(25 * HOUR_MS));
    expect(await late.send(text)).toMatchObject({ kind: "permanent" });
    const template = { name: "promo", language: "de", parameters: [], to: null };
    expect(await late.send({ kind: "template", ...template, reply_to_msg_id: null }))
      .toMatchObject({ kind: "sent" });
    expect(late.sent()).toMatchObject([{ template: { name: "promo", language: { code: "de" } } }]);
  });

  it("gives each message our own id, which comes back with its receipts", async () => {
    await using line = await open();
    await line.send(text);
    expect(line.sent()).toMatchObject([{
      biz_opaque_callback_data: "00000000-0000-7000-8000-000000000001",
    }]);
  });

  it("fetches files in two steps, its token shown to Meta only", async () => {
    await using line = await open();
    const fetched = await line.channel.fetchPart?.("media-1", "acme", {
      signal: new AbortController().signal,
    });
    expect(fetched).toEqual({ bytes: PNG, mime: "image/png" });
  });

  it("rests in one chat when Meta says so, and with the whole line when that is meant", async () => {
    await using line = await open();
    line.refuse("limited");
    expect(await line.send(text)).toMatchObject({ kind: "limited", wide: true });
  });

  it("hears no other line's events: they must not reach another tenant", async () => {
    await using line = await open();
    const other = JSON.stringify(message({ text: { body: "hi" } })).replace("106540352242922", "9");
    const envelope = {
      schema: 1 as const,
      source_id: "whatsapp:acme",
      event_kind: "messages",
      body_json: JSON.parse(other) as unknown,
      headers_subset: {},
      received_at_ms: 1,
      envelope_id: "00000000-0000-7000-8000-000000000001",
      client_ip: null,
    };
    // It fails at once or later, as a channel likes.
    const heard = async () => line.channel.hear?.(envelope, "acme");
    await expect(heard()).rejects.toThrow(/line 9/);
  });
});
