import { describe, expect, it } from "vitest";
import { telegram } from "../../../../core/channels/telegram/telegram.ts";
import {
  type Arrived,
  channelSuite,
  type ChannelTrial,
  type Refusal,
} from "../../../suites/channel.ts";
import { channelDeps } from "../../../support/channels/deps.ts";
import { openHttpPeer, type PeerAnswer } from "../../../support/channels/http_peer.ts";

const TOKEN = "42:bot-token";
const ANN = { id: 7, is_bot: false, first_name: "Ann", last_name: "Lee", username: "ann" };
const CHAT = { id: 7, type: "private", first_name: "Ann" };
const GROUP = { id: -100, type: "supergroup", title: "Team" };
const SAID = { message_id: 11, date: 1_700_000_000, from: ANN, chat: CHAT };

const REFUSALS: Record<Refusal, PeerAnswer> = {
  busy: { status: 502, body: { ok: false, error_code: 502, description: "Bad Gateway" } },
  limited: {
    status: 429,
    body: {
      ok: false,
      error_code: 429,
      description: "Too Many Requests: retry after 3",
      parameters: { retry_after: 3 },
    },
  },
  auth: { status: 401, body: { ok: false, error_code: 401, description: "Unauthorized" } },
  permanent: {
    status: 403,
    body: { ok: false, error_code: 403, description: "Forbidden: bot was blocked by the user" },
  },
  silent: null,
};

interface Sent {
  readonly chat_id: string | number;
  readonly message_thread_id?: number;
  readonly text?: string;
  readonly caption?: string;
  readonly photo?: string;
  readonly reply_parameters?: { readonly message_id: number };
}

async function open(plugin = "") {
  let refusal: Refusal | undefined;
  const answers = new Map<string, () => PeerAnswer>();
  const peer = await openHttpPeer(({ path, body }) => {
    if (refusal !== undefined) return REFUSALS[refusal];
    const method = path.split("/").at(-1) ?? "";
    const known = answers.get(method);
    if (known !== undefined) return known();
    const { chat_id } = JSON.parse(body === "" ? "{}" : body) as Partial<Sent>;
    const result = {
      message_id: peer.requests.length,
      date: 1,
      chat: { id: chat_id, type: "private" },
    };
    return { body: { ok: true, result: method.startsWith("send") ? result : true } };
  });
  const deps = await channelDeps(
    "telegram",
    `telegram: { instance: acme, token: "${TOKEN}", api_root: "${peer.url}", ${plugin} }`,
  );
  return {
    deps,
    peer,
    answers,
    channel: telegram.open(deps),
    refuse: (how: Refusal | undefined) => void (refusal = how),
    calls: (method: string) =>
      peer.requests.filter(({ path }) => path === `/bot${TOKEN}/${method}`)
        .map(({ body }) => JSON.parse(body) as Record<string, unknown>),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

channelSuite("telegram", async (): Promise<ChannelTrial> => {
  const { peer, channel, refuse, [Symbol.asyncDispose]: close } = await open();
  return {
    channel,
    instance: "acme",
    contact: "7",
    address: "7",
    events: {
      text: { update_id: 1, message: { ...SAID, text: "hello" } },
      media: {
        update_id: 2,
        message: {
          ...SAID,
          caption: "hello",
          photo: [
            { file_id: "small", file_unique_id: "a", width: 1, height: 1, file_size: 10 },
            { file_id: "large", file_unique_id: "b", width: 9, height: 9, file_size: 90 },
          ],
        },
      },
      reply: {
        update_id: 3,
        message: { ...SAID, text: "hello", reply_to_message: { ...SAID, message_id: 5 } },
      },
      edit: { update_id: 4, edited_message: { ...SAID, text: "hello", edit_date: 1_700_000_060 } },
      reaction: {
        update_id: 5,
        message_reaction: {
          chat: CHAT,
          message_id: 11,
          user: ANN,
          date: 1_700_000_000,
          old_reaction: [],
          new_reaction: [{ type: "emoji", emoji: "👍" }],
        },
      },
      choice: {
        update_id: 6,
        callback_query: { id: "99", from: ANN, chat_instance: "1", message: SAID, data: "yes" },
      },
      group: {
        update_id: 7,
        message: {
          ...SAID,
          chat: { ...GROUP, is_forum: true },
          is_topic_message: true,
          message_thread_id: 4,
          text: "hello",
        },
      },
    },
    arrived: () =>
      peer.requests.filter(({ path }) => path.includes("/send")).map(({ body }): Arrived => {
        const sent = JSON.parse(body) as Sent;
        return {
          to: String(sent.chat_id),
          thread: sent.message_thread_id === undefined ? null : String(sent.message_thread_id),
          text: sent.text ?? sent.caption ?? "",
          quotes: sent.reply_parameters === undefined
            ? null
            : String(sent.reply_parameters.message_id),
          url: sent.photo ?? null,
        };
      }),
    refuse,
    [Symbol.asyncDispose]: close,
  };
});

describe("a Telegram bot", () => {
  it("follows a group that became a larger one", async () => {
    await using bot = await open();
    bot.answers.set(
      "sendMessage",
      () =>
        bot.calls("sendMessage").length > 1 ? { body: { ok: true, result: { message_id: 3 } } } : {
          status: 400,
          body: {
            ok: false,
            error_code: 400,
            description: "Bad Request: group chat was upgraded to a supergroup chat",
            parameters: { migrate_to_chat_id: -1009 },
          },
        },
    );
    const result = await bot.channel.send({
      id: "00000000-0000-7000-8000-000000000001",
      account_id: "acme",
      agent_id: "ana",
      session_id: "s",
      channel: "telegram",
      instance: "acme",
      contact: "-9",
      turn_id: null,
      body: { kind: "text", text: "hi", to: null, reply_to_msg_id: null },
      expires_at_ms: Date.now() + 1000,
    }, { signal: new AbortController().signal });
    expect(result).toEqual({ kind: "sent", receipt: "3" });
    expect(bot.calls("sendMessage").map(({ chat_id }) => chat_id)).toEqual(["-9", "-1009"]);
  });

  it("is told our address, with a secret of ours, once there is one", async () => {
    await using bot = await open();
    const deps = { ...bot.deps, publicUrl: () => "https://hooks.acme.example" };
    const channel = telegram.open(deps);
    const signal = new AbortController().signal;
    expect(await channel.attend?.("acme", signal)).toEqual({ kind: "attended" });
    expect(bot.calls("setWebhook")).toMatchObject([{
      url: "https://hooks.acme.example/channels/telegram/acme",
      secret_token: channel.webhookOf?.("acme")?.secret,
      allowed_updates: expect.arrayContaining(["message_reaction"]) as unknown,
    }]);
  });

  it("is polled without one, and asks on only from what is on disk", async () => {
    await using bot = await open("polling: { interval_ms: 1000 }");
    const update = (id: number) => ({ update_id: id, message: { ...SAID, text: `${id}` } });
    bot.answers.set("getUpdates", () => {
      const result = bot.calls("getUpdates").length === 1 ? [update(5), update(6)] : [update(7)];
      return { body: { ok: true, result } };
    });
    let full = false;
    const deps = {
      ...bot.deps,
      deliver: (...given: Parameters<typeof bot.deps.deliver>) => {
        if (full) {
          return Promise.resolve(given[0].map(() => ({
            kind: "refused" as const,
            code: "store_full",
            retryable: true,
          })));
        }
        full = true;
        return bot.deps.deliver(...given);
      },
    };
    expect(await telegram.open(deps).attend?.("acme", new AbortController().signal)).toMatchObject({
      kind: "failed",
    });
    expect(bot.calls("deleteWebhook")).toHaveLength(1);
    expect(bot.calls("getUpdates").map(({ offset }) => offset)).toEqual([0, 7]);
    expect(bot.deps.delivered).toMatchObject([
      {
        subject: "plugin.inbound.telegram.acme",
        dedupe_key: "id:5",
        envelope: { source_id: "telegram:acme", event_kind: "message" },
      },
      { dedupe_key: "id:6" },
    ]);
  });

  it("hears only the chats it may", async () => {
    await using bot = await open("allowlist: { chat_ids: [7] }");
    const hear = async (chat: unknown) =>
      (await bot.channel.hear?.({
        schema: 1,
        source_id: "telegram:acme",
        event_kind: "message",
        body_json: { update_id: 1, message: { ...SAID, chat, text: "hello" } },
        headers_subset: {},
        received_at_ms: 1,
        envelope_id: "00000000-0000-7000-8000-000000000001",
        client_ip: null,
      }, "acme"))?.messages;
    expect(await hear(CHAT)).toHaveLength(1);
    expect(await hear(GROUP)).toEqual([]);
  });
});
