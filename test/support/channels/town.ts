/**
 * The providers of every channel on this machine, with bots of two tenants.
 *
 * @module
 */
import { openHttpPeer, type PeerAnswer, type PeerRequest } from "./http_peer.ts";
import { openImapPeer, openSmtpPeer } from "./mail_servers.ts";
import {
  type Address,
  mailOf,
  type Post,
  postOf,
  type Saying,
  type WhatsappStatus,
} from "./people.ts";
import { mailboxOf, PROVIDED, type Provided, SECRETS, type Tenant, TENANTS } from "./tenants.ts";

/** An answer as its provider got it. */
export interface Arrival extends Address {
  readonly channel: Provided;
  /** Whose credential it came with. */
  readonly instance: Tenant;
  readonly text: string;
}

/** The running providers. */
export interface Town extends AsyncDisposable {
  /** Config files by name: both tenants on every channel, answered by one agent. */
  readonly files: Readonly<Record<string, string>>;
  /** What arrived, oldest first. */
  readonly arrived: readonly Arrival[];
  /** What WhatsApp took and nobody has heard of yet; the caller takes it away. */
  readonly statuses: WhatsappStatus[];
  /** Resolves when core has told every provider that must know where it is, and reads its mailbox. */
  readonly settled: Promise<unknown>;
  /** What its provider has to post; undefined once a mail lies in a mailbox that core reads itself. */
  readonly say: (saying: Saying) => Post | undefined;
  /** Calls `look` now and after each arrival until it gives something; resolves with that. */
  readonly eventually: <T>(look: () => T | undefined) => Promise<T>;
}

/** Of the tenant whose mail is read by IMAP; the other's is posted by a service. */
const READ_BY_IMAP: Tenant = "acme";

/** Starts all providers. */
export async function openTown(): Promise<Town> {
  const arrived: Arrival[] = [];
  const statuses: WhatsappStatus[] = [];
  const waiting = new Set<() => void>();
  const arrive = (arrival: Arrival): void => {
    arrived.push(arrival);
    for (const wake of waiting) wake();
  };
  const telegram = createTelegram(arrive);
  const answers = [
    telegram.answer,
    createWhatsapp(arrive, (status) => statuses.push(status)),
    createSlack(arrive),
    createService(arrive),
  ];
  const peer = await openHttpPeer((request) => {
    for (const answer of answers) {
      const found = answer(request);
      if (found !== undefined) return found;
    }
    return { status: 404, body: "nobody is here" };
  });
  const smtps = await Promise.all(
    TENANTS.map((instance) =>
      openSmtpPeer(mailboxOf(instance), ({ to, mail }) => {
        const thread = /<[^>]+>/.exec(mail.references ?? "")?.[0] ?? null;
        arrive({ channel: "email", instance, to, thread, text: (mail.text ?? "").trim() });
      })
    ),
  );
  const imap = await openImapPeer(mailboxOf(READ_BY_IMAP));

  return {
    files: filesOf(peer.url, smtps.map(({ port }) => port), imap.port),
    arrived,
    statuses,
    settled: Promise.all([telegram.registered, imap.watched]),
    say(saying) {
      if (saying.channel !== "email" || saying.instance !== READ_BY_IMAP) {
        return postOf(saying, telegram.secrets.get(saying.instance) ?? "");
      }
      imap.receive(mailOf(saying));
      return undefined;
    },
    async eventually(look) {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([peer, imap, ...smtps].map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

type Answer = (request: PeerRequest) => PeerAnswer | undefined;
type Arrive = (arrival: Arrival) => void;

const withSecret = (name: keyof typeof SECRETS[Tenant], value: unknown): Tenant | undefined =>
  TENANTS.find((tenant) => SECRETS[tenant][name] === value);

/** `secrets`: what each bot asked to be shown in its webhooks. */
function createTelegram(arrive: Arrive): {
  readonly answer: Answer;
  readonly secrets: ReadonlyMap<string, string>;
  readonly registered: Promise<void>;
} {
  const secrets = new Map<string, string>();
  let register: () => void = () => {};
  const registered = new Promise<void>((resolve) => (register = resolve));
  let messages = 0;
  function answer({ path, body }: PeerRequest): PeerAnswer | undefined {
    const [, token, method] = /^\/telegram\/bot([^/]+)\/(\w+)$/.exec(path) ?? [];
    const instance = withSecret("telegram", token);
    if (instance === undefined) return undefined;
    const asked = JSON.parse(body === "" ? "{}" : body) as {
      readonly chat_id?: string;
      readonly message_thread_id?: number;
      readonly text?: string;
      readonly secret_token?: string;
    };
    if (method === "setWebhook") secrets.set(instance, asked.secret_token ?? "");
    if (secrets.size === TENANTS.length) register();
    if (method === "getMe") {
      const result = { id: 42, is_bot: true, first_name: "Ana", username: `${instance}_bot` };
      return { body: { ok: true, result } };
    }
    if (method !== "sendMessage") return { body: { ok: true, result: true } };
    const { chat_id: to = "", message_thread_id: topic, text = "" } = asked;
    const thread = topic === undefined ? null : String(topic);
    arrive({ channel: "telegram", instance, to, thread, text });
    return { body: { ok: true, result: { message_id: ++messages } } };
  }
  return { answer, secrets, registered };
}

function createWhatsapp(arrive: Arrive, took: (status: WhatsappStatus) => void): Answer {
  let messages = 0;
  return function answer({ method, path, headers, body }) {
    const [, phone] = /^\/whatsapp\/v23\.0\/(\d+)\/messages$/.exec(path) ?? [];
    const instance = withSecret("phone", phone);
    if (instance === undefined || method !== "POST") return undefined;
    if (headers.authorization !== `Bearer ${SECRETS[instance].whatsapp}`) {
      return { status: 401, body: { error: { message: "Bad token", code: 190 } } };
    }
    const sent = JSON.parse(body) as {
      readonly to: string;
      readonly text?: { readonly body: string };
      readonly biz_opaque_callback_data: string;
    };
    // That somebody has read and writes is no message.
    if (sent.text === undefined) return { body: { success: true } };
    const msgId = `wamid.out.${instance}.${++messages}`;
    took({ instance, msgId, outboundId: sent.biz_opaque_callback_data });
    arrive({ channel: "whatsapp", instance, to: sent.to, thread: null, text: sent.text.body });
    return { body: { messaging_product: "whatsapp", messages: [{ id: msgId }] } };
  };
}

function createSlack(arrive: Arrive): Answer {
  let messages = 0;
  return function answer({ path, headers, body }) {
    if (path !== "/slack/api/chat.postMessage") return undefined;
    const instance = withSecret("slack", headers.authorization?.replace("Bearer ", ""));
    if (instance === undefined) return { body: { ok: false, error: "invalid_auth" } };
    const sent = new URLSearchParams(body);
    const [to, text] = [sent.get("channel") ?? "", sent.get("text") ?? ""];
    arrive({ channel: "slack", instance, to, thread: sent.get("thread_ts"), text });
    return { body: { ok: true, channel: to, ts: `17.${++messages}` } };
  };
}

/** A service that drops what it has seen by its idempotency key, as such services promise. */
function createService(arrive: Arrive): Answer {
  const known = new Set<string>();
  return function answer({ path, headers, body }) {
    const [, chat] = /^\/generic\/chats\/([^/]+)\/messages$/.exec(path) ?? [];
    if (chat === undefined) return undefined;
    const instance = withSecret("generic", headers["x-api-key"]);
    if (instance === undefined) return { status: 401, body: "who are you" };
    const key = String(headers["idempotency-key"]);
    if (!known.has(key)) {
      known.add(key);
      const { text } = JSON.parse(body) as { readonly text: string };
      const to = decodeURIComponent(chat);
      arrive({ channel: "generic", instance, to, thread: null, text });
    }
    return { status: 201, body: { message: { id: key } } };
  };
}

function filesOf(url: string, smtpPorts: readonly number[], imapPort: number) {
  const bindings = TENANTS.flatMap((instance) =>
    [...PROVIDED, "webchat"].map((plugin) => ({ plugin, instance }))
  );
  const agent = {
    id: "ana",
    model: { provider: "offline", model: "rules" },
    inbound_bindings: bindings,
    sender_rate_limit: { rps: 1000, burst: 1000 },
    config: { debounce_ms: 20 },
  };
  const each = (entryOf: (instance: Tenant, i: number) => Readonly<Record<string, unknown>>) =>
    TENANTS.map((instance, i) => ({ instance, ...entryOf(instance, i) }));
  const plugins = {
    telegram: each((tenant) => ({
      token: SECRETS[tenant].telegram,
      api_root: `${url}/telegram`,
      polling: { enabled: false },
    })),
    whatsapp: each((tenant) => ({
      enabled: true,
      phone_number_id: SECRETS[tenant].phone,
      access_token: SECRETS[tenant].whatsapp,
      app_secret: SECRETS[tenant].whatsappApp,
      api_root: `${url}/whatsapp`,
    })),
    slack: each((tenant) => ({
      bot_token: SECRETS[tenant].slack,
      signing_secret: SECRETS[tenant].slackSigning,
      api_root: `${url}/slack/api/`,
    })),
    email: {
      accounts: each((tenant, i) => ({
        address: mailboxOf(tenant),
        password: "pass",
        smtp: { host: "127.0.0.1", port: smtpPorts[i], tls: "none" },
        ...(tenant === READ_BY_IMAP
          ? { imap: { host: "127.0.0.1", port: imapPort, tls: "none" } }
          : { webhook_secret: SECRETS[tenant].mail }),
      })),
    },
    generic: each((tenant) => ({
      webhook: { secret: SECRETS[tenant].genericHook },
      inbound: { contact: "/chat", text: "/text", msg_id: "/id", group: "/room" },
      outbound: {
        url: `${url}/generic/chats/{{to}}/messages`,
        headers: { "X-Api-Key": SECRETS[tenant].generic },
        body: { text: "{{text}}" },
        receipt: "/message/id",
      },
    })),
  };
  return {
    "agents.yaml": JSON.stringify({ agents: [agent] }),
    "webhook_receiver.yaml": JSON.stringify({ enabled: true, public_url: "http://hooks.example" }),
    "extensions.yaml": JSON.stringify({ extensions: {} }),
    ...Object.fromEntries(
      Object.entries(plugins).map(([channel, config]) => [
        `plugins/${channel}.yaml`,
        JSON.stringify({ [channel]: config }),
      ]),
    ),
  };
}
