import { describe, expect, it } from "vitest";
import type { Envelope, OutboundBody } from "../../../../core/contract/mod.ts";
import { plainOf } from "../../../../core/channels/slack/events.ts";
import { slack } from "../../../../core/channels/slack/slack.ts";
import {
  type Arrived,
  channelSuite,
  type ChannelTrial,
  type Refusal,
} from "../../../suites/channel.ts";
import { channelDeps } from "../../../support/channels/deps.ts";
import { openHttpPeer, type PeerAnswer } from "../../../support/channels/http_peer.ts";

const no = (error: string): PeerAnswer => ({ body: { ok: false, error } });
const REFUSALS: Record<Refusal, PeerAnswer> = {
  busy: { status: 503, body: "no healthy upstream" },
  limited: {
    status: 429,
    headers: { "retry-after": "3" },
    body: { ok: false, error: "ratelimited" },
  },
  auth: no("invalid_auth"),
  permanent: no("channel_not_found"),
  silent: null,
};

/** An event of the Events API. */
function callback(event: Record<string, unknown>) {
  return {
    token: "x",
    team_id: "T1",
    api_app_id: "A1",
    type: "event_callback",
    event_id: "Ev1",
    event_time: 1_700_000_000,
    authorizations: [{ team_id: "T1", user_id: "UBOT", is_bot: true }],
    event: { event_ts: "1700000000.000100", ...event },
  };
}

const SAID = { type: "message", user: "7", ts: "1700000000.000100", text: "hello" };
const IM = { channel: "D1", channel_type: "im" };
const ROOM = { channel: "C1", channel_type: "channel" };

async function open(plugin = "") {
  let refusal: Refusal | undefined;
  const peer = await openHttpPeer(({ path, headers }) => {
    if (refusal !== undefined) return REFUSALS[refusal];
    if (headers.authorization !== "Bearer xoxb-1") return REFUSALS.auth;
    if (path !== "/api/chat.postMessage") return no("unknown_method");
    return { body: { ok: true, channel: "D1", ts: `17.${peer.requests.length}` } };
  });
  const deps = await channelDeps(
    "slack",
    `slack: { instance: acme, bot_token: xoxb-1, signing_secret: shhhhhhhh,
      api_root: "${peer.url}/api/", ${plugin} }`,
  );
  const channel = slack.open(deps);
  return {
    channel,
    peer,
    refuse: (how: Refusal | undefined) => void (refusal = how),
    sent: () => peer.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body))),
    hear: async (body: unknown) => (await channel.hear?.(envelopeOf(body), "acme"))?.messages ?? [],
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

function envelopeOf(body: unknown): Envelope {
  return {
    schema: 1,
    source_id: "slack:acme",
    event_kind: "message",
    body_json: body,
    headers_subset: {},
    received_at_ms: 1_700_000_000_000,
    envelope_id: "00000000-0000-7000-8000-000000000001",
    client_ip: null,
  };
}

channelSuite("slack", async (): Promise<ChannelTrial> => {
  const { channel, sent, refuse, [Symbol.asyncDispose]: close } = await open();
  return {
    channel,
    instance: "acme",
    contact: "D1",
    address: "D1",
    quotes: false,
    events: {
      text: callback({ ...SAID, ...IM }),
      media: callback({
        ...SAID,
        ...IM,
        subtype: "file_share",
        files: [{
          id: "F1",
          name: "cat.png",
          mimetype: "image/png",
          size: 10,
          url_private: "https://files.slack.com/files-pri/T1-F1/cat.png",
        }],
      }),
      reply: callback({ ...SAID, ...IM, thread_ts: "1699999999.000100" }),
      edit: callback({
        type: "message",
        subtype: "message_changed",
        ...IM,
        ts: "1700000060.000200",
        message: { ...SAID, edited: { user: "7", ts: "1700000060.000000" } },
        previous_message: SAID,
      }),
      reaction: callback({
        type: "reaction_added",
        user: "7",
        reaction: "thumbsup",
        item: { type: "message", channel: "D1", ts: "1700000000.000100" },
      }),
      choice: {
        type: "block_actions",
        trigger_id: "12.34",
        user: { id: "7", name: "ann", team_id: "T1" },
        channel: { id: "D1", name: "directmessage" },
        message: { ts: "1700000000.000100" },
        actions: [{
          type: "button",
          action_id: "confirm",
          block_id: "b",
          value: "yes",
          text: { type: "plain_text", text: "Yes" },
          action_ts: "1700000001.0",
        }],
      },
      group: callback({ ...SAID, ...ROOM }),
    },
    arrived: () =>
      sent().map(({ channel: to = "", thread_ts: thread = null, text = "", blocks }): Arrived => ({
        to,
        thread,
        text: plainOf(text),
        quotes: null,
        url: (JSON.parse(blocks ?? "[{}]") as { image_url?: string }[])[0]?.image_url ?? null,
      })),
    refuse,
    [Symbol.asyncDispose]: close,
  };
});

describe("a Slack app", () => {
  it("takes a thread for a conversation, which every message in a room begins", async () => {
    await using app = await open();
    const [begun] = await app.hear(callback({ ...SAID, ...ROOM }));
    const [later] = await app.hear(callback({
      ...SAID,
      ...ROOM,
      ts: "1700000009.000100",
      thread_ts: SAID.ts,
    }));
    expect(later?.contact).toBe(begun?.contact);
    expect(later?.replyAddress).toEqual({ to: "C1", thread: SAID.ts, extra: {} });
    const [other] = await app.hear(callback({ ...SAID, ...ROOM, ts: "1700000010.000100" }));
    expect(other?.contact).not.toBe(begun?.contact);
  });

  it("hears a mention once, though Slack tells of it twice", async () => {
    await using app = await open();
    const text = "<@UBOT> hello";
    const ids = await Promise.all(
      [SAID, { ...SAID, type: "app_mention" }]
        .map((event) => app.hear(callback({ ...event, ...ROOM, text }))),
    );
    expect(new Set(ids.flat().map(({ contact, msgId }) => `${contact} ${msgId}`)).size).toBe(1);
  });

  it("hears in rooms only what names it, when that is asked", async () => {
    await using app = await open("rooms: mentions");
    expect(await app.hear(callback({ ...SAID, ...ROOM }))).toEqual([]);
    expect(await app.hear(callback({ ...SAID, ...ROOM, text: "so <@UBOT>, hello" }))).toHaveLength(
      1,
    );
    expect(await app.hear(callback({ ...SAID, ...IM }))).toHaveLength(1);
  });

  it.each([
    ["itself", { ...SAID, ...IM, user: "UBOT" }],
    ["other programs", { ...SAID, ...IM, bot_id: "B1", subtype: "bot_message" }],
    ["people who come and go", { ...SAID, ...ROOM, subtype: "channel_join" }],
    ["links that unfold", {
      type: "message",
      subtype: "message_changed",
      ...IM,
      message: SAID,
      previous_message: SAID,
    }],
  ])("does not hear %s", async (_who, event) => {
    await using app = await open();
    expect(await app.hear(callback(event))).toEqual([]);
  });

  it("hears slash commands, in the room they are given in", async () => {
    await using app = await open();
    const [command] = await app.hear({
      command: "/order",
      text: "two pizzas",
      trigger_id: "1.2",
      user_id: "7",
      user_name: "ann",
      channel_id: "C1",
      response_url: "https://hooks.slack.com/commands/1",
    });
    expect(command).toMatchObject({
      contact: "C1",
      parts: [{ kind: "text", text: "/order two pizzas" }],
      sender: { id: "7", name: "ann" },
    });
  });

  it("reads and writes text as people mean it", async () => {
    await using app = await open();
    const [heard] = await app.hear(callback({
      ...SAID,
      ...IM,
      text: "1 &lt; 2 &amp;&amp; <https://acme.example/a?b=1|acme>",
    }));
    expect(heard?.parts).toEqual([{
      kind: "text",
      text: "1 < 2 && https://acme.example/a?b=1",
    }]);
    const body: OutboundBody = {
      kind: "text",
      text: "<!channel> 1 < 2 & 3",
      to: null,
      reply_to_msg_id: null,
    };
    await app.channel.send({
      id: "00000000-0000-7000-8000-000000000001",
      account_id: "acme",
      agent_id: "ana",
      session_id: "s",
      channel: "slack",
      instance: "acme",
      contact: "D1",
      turn_id: null,
      body,
      expires_at_ms: Date.now() + 1000,
    }, { signal: new AbortController().signal });
    // Nobody's words can call a whole channel.
    expect(app.sent().at(-1)?.["text"]).toBe("&lt;!channel&gt; 1 &lt; 2 &amp; 3");
  });
});
