import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { generic } from "../../../../core/channels/generic/generic.ts";
import { textAt, valueAt } from "../../../../core/channels/generic/pointer.ts";
import type { OutboundBody } from "../../../../core/contract/mod.ts";
import {
  type Arrived,
  channelSuite,
  type ChannelTrial,
  type Refusal,
} from "../../../suites/channel.ts";
import { channelDeps } from "../../../support/channels/deps.ts";
import { openHttpPeer, type PeerAnswer } from "../../../support/channels/http_peer.ts";

const REFUSALS: Record<Refusal, PeerAnswer> = {
  busy: { status: 503, body: "later" },
  limited: { status: 429, headers: { "retry-after": "3" }, body: "slow down" },
  auth: { status: 403, body: "who are you" },
  permanent: { status: 422, body: "no such chat" },
  silent: null,
};

/** A made-up service, as its maker would describe it. */
const PLUGIN = (url: string, more = "") => `
generic:
  - instance: acme
    webhook: { secret: inbound-secret }
    inbound:
      messages: /events
      contact: /chat/id
      text: /body/text
      msg_id: /id
      sender_id: /from/id
      sender_name: /from/name
      reply_to: /answers
      group: /chat/is_room
      from_me: /outgoing
      sent_at: { at: /at, format: unix }
      media: { url: /file/href, mime: /file/type, name: /file/name }
      only: { /kind: message }
    outbound:
      url: "${url}/chats/{{to}}/messages"
      headers: { X-Api-Key: "{{credential.api_key}}" }
      body: { text: "{{text}}", answers: "{{reply_to}}", file: "{{url}}", tags: ["{{kind}}"] }
      receipt: /message/id
      ${more}
`;

function event(more: Record<string, unknown> = {}) {
  return {
    kind: "message",
    id: "m-1",
    at: 1_700_000_000,
    chat: { id: "7" },
    from: { id: "7", name: "Ann" },
    body: { text: "hello" },
    ...more,
  };
}

async function open(more = "") {
  let refusal: Refusal | undefined;
  const peer = await openHttpPeer(() =>
    refusal === undefined
      ? { status: 201, body: { message: { id: peer.requests.length } } }
      : REFUSALS[refusal]
  );
  const deps = await channelDeps("generic", PLUGIN(peer.url, more), {
    credentialOf: () => ({ api_key: "key-1", webhook_secret: "registered" }),
  });
  const channel = generic.open(deps);
  return {
    channel,
    peer,
    refuse: (how: Refusal | undefined) => void (refusal = how),
    send: (body: OutboundBody) =>
      channel.send({
        id: "00000000-0000-7000-8000-000000000001",
        account_id: "acme",
        agent_id: "ana",
        session_id: "s",
        channel: "generic",
        instance: "acme",
        contact: "a/b ?",
        turn_id: null,
        body,
        expires_at_ms: Date.now() + 1000,
      }, { signal: new AbortController().signal }),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

channelSuite("generic", async (): Promise<ChannelTrial> => {
  const { channel, peer, refuse, [Symbol.asyncDispose]: close } = await open();
  return {
    channel,
    instance: "acme",
    contact: "7",
    address: "7",
    events: {
      text: { events: [event()] },
      media: {
        events: [event({
          file: { href: "https://files.example/cat.png", type: "image/png", name: "cat.png" },
        })],
      },
      reply: { events: [event({ answers: "m-0" })] },
      group: { events: [event({ chat: { id: "room-1", is_room: true } })] },
      own: { events: [event({ outgoing: true })] },
      several: { events: ["a", "b"].map((id) => event({ id })) },
    },
    arrived: () =>
      peer.requests.map(({ path, body }): Arrived => {
        const sent = JSON.parse(body) as Record<string, string>;
        return {
          to: decodeURIComponent(path.split("/")[2] ?? ""),
          thread: null,
          text: sent["text"] ?? "",
          quotes: sent["answers"] ?? null,
          url: sent["file"] ?? null,
        };
      }),
    refuse,
    [Symbol.asyncDispose]: close,
  };
});

describe("a channel written in YAML", () => {
  const text = (words: string): OutboundBody => ({
    kind: "text",
    text: words,
    to: null,
    reply_to_msg_id: null,
  });

  it("keeps values where they belong: in texts of the body, in parts of the address, in headers", async () => {
    await using made = await open();
    const words = `"}], "admin": true \n {{credential.api_key}}`;
    expect(await made.send(text(words))).toEqual({ kind: "sent", receipt: "1" });
    const [request] = made.peer.requests;
    expect(request?.path).toBe("/chats/a%2Fb%20%3F/messages");
    expect(request?.headers).toMatchObject({
      "x-api-key": "key-1",
      "idempotency-key": "00000000-0000-7000-8000-000000000001",
    });
    expect(JSON.parse(request?.body ?? "")).toEqual({
      text: words,
      answers: "",
      file: "",
      tags: ["text"],
    });
  });

  it("signs what it posts so that the standard's own library takes it", async () => {
    const secret = `whsec_${Buffer.from("a secret of 24 bytes or so").toString("base64")}`;
    await using made = await open(`signing_secret: ${secret}`);
    await made.send(text("signed"));
    const [request] = made.peer.requests;
    const headers = request?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(request?.body ?? "", headers)).toMatchObject({
      text: "signed",
    });
    expect(() => new Webhook(secret).verify(`${request?.body} `, headers)).toThrow();
  });

  it("takes a secret from its file before one that was registered", async () => {
    await using made = await open();
    expect(made.channel.webhookOf?.("acme")).toMatchObject({ secret: "inbound-secret" });
  });

  it("leaves out what is no message", async () => {
    await using made = await open();
    const heard = await made.channel.hear?.({
      schema: 1,
      source_id: "generic:acme",
      event_kind: "message",
      body_json: { events: [event({ kind: "typing" }), event({ chat: {} }), event({ body: {} })] },
      headers_subset: {},
      received_at_ms: 1,
      envelope_id: "00000000-0000-7000-8000-000000000001",
      client_ip: null,
    }, "acme");
    expect(heard?.messages).toEqual([]);
  });
});

describe("JSON pointers", () => {
  it.each([
    ["", { a: 1 }, { a: 1 }],
    ["/a/1/b", { a: [0, { b: "x" }] }, "x"],
    ["/a~1b/~0", { "a/b": { "~": 2 } }, 2],
    ["/a/length", { a: [1] }, undefined],
    ["/a/b", { a: null }, undefined],
    ["/__proto__", {}, undefined],
  ])("lead %j from %j to %j", (pointer, value, found) => {
    expect(valueAt(value, pointer)).toEqual(found);
  });

  it("join what several find", () => {
    expect(textAt({ a: "one", b: 2, c: {} }, ["/a", "/c", "/b"])).toBe("one 2");
    expect(textAt({}, "/a")).toBeUndefined();
  });
});
