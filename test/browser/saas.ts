/**
 * A small business on a real daemon: the product, a model, Telegram, and people at their browsers.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { TelegramServer } from "telegram-test-api/lib/telegramServer.js";
import { cloneAgentCreator } from "../support/agent_creator.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import {
  type Heard,
  type ModelServer,
  openModelServer,
  type Play,
} from "../support/model_server.ts";
import { freePort } from "../support/free_port.ts";

/** Sends of drips in a minute, for each tenant. */
export const DRIP_CAP = 3;
/** What acme's people get from BotFather. */
export const BOT_TOKEN = "4242:walkthrough";

const AGENTS = `
agents:
  - id: drips
    model: { provider: offline, model: rules }
    allowed_tools: [send_drip]
    event_subscribers:
      - id: drips
        subject_pattern: marketing.drip.fire.*
        account_id: "{{subject.3}}"
        inbound_template: 'send_drip {"campaign_id":"{{body_json.campaign_id}}","channel":"{{body_json.channel}}","contact":"{{body_json.contact}}","next_step":{{body_json.next_step}}}'
    tool_rate_limits:
      "event:drips": { send_drip: ${DRIP_CAP}/min }
`;

/** Everything that runs. */
export interface Business extends AsyncDisposable {
  readonly place: DaemonPlace;
  readonly daemon: RunningDaemon;
  readonly model: ModelServer;
  readonly telegram: TelegramServer;
  /** The product's page. */
  readonly url: string;
  /** The code the owner finds on the machine. */
  readonly ownerCode: () => Promise<string>;
  /** `kill -9` of the microapp. */
  readonly killMicroapp: () => Promise<void>;
  /** Starts it at once rather than after its pause. */
  readonly restartMicroapp: () => Promise<void>;
  /**
   * What follows a kill. Every other time that is nothing: it starts by itself after its pause. Between
   * them an operator starts it, for a story has more kills than five minutes have restarts.
   */
  readonly comeBack: () => Promise<void>;
}

/** Starts all of it, the product installed as its author would. */
export async function openBusiness(): Promise<Business> {
  const model = await openModelServer("openai_compatible", think);
  const telegramPort = await freePort();
  const telegram = new TelegramServer({
    port: telegramPort,
    host: "127.0.0.1",
    storeTimeout: 3_600,
  });
  await telegram.start();
  const place = await openDaemonPlace();
  const files = {
    "agents.yaml": AGENTS,
    "tenants.yaml": "tenants: {}\n",
    "webhook_receiver.yaml": "enabled: false\n",
    // What compliance has not seen waits for it, also while the microapp is away.
    "extensions.yaml":
      "extensions: { search_paths: [], entries: { agent-creator: { hooks: { before_message: { on_failure: closed } } } } }\n",
    "llm.yaml": `providers: { local: { base_url: "${model.baseUrl}" } }\n` +
      'prices: { "local/*": { input: 1, output: 2 } }\n',
    "plugins/webchat.yaml": "webchat: { instances: [] }\n",
    // The operator's word on where this bot's Telegram is; all else comes from the wizard.
    "plugins/telegram.yaml":
      `telegram: [{ instance: acme, enabled: false, api_root: "http://127.0.0.1:${telegramPort}", polling: { interval_ms: 1000 } }]\n`,
  };
  for (const [file, text] of Object.entries(files)) await place.writeConfig(file, text);
  const product = join(place.home, "..", "agent-creator");
  await cloneAgentCreator(product, { port: await freePort() });
  const daemon = await place.start();
  const installed = await place.nexo("ext", "install", product, "--link", "--grant", "all");
  expect(installed, installed.stderr).toMatchObject({ code: 0 });

  interface Status {
    readonly microapps: readonly { id: string; pid: number | null; state: string; http?: string }[];
  }
  const status = async () =>
    (await daemon.call<Status>("ext/status")).microapps.find(({ id }) => id === "agent-creator");
  const restartMicroapp = async () =>
    void await daemon.call("ext/restart", { id: "agent-creator" });
  let kills = 0;
  return {
    place,
    daemon,
    model,
    telegram,
    url: `${daemon.edgeUrl}/apps/agent-creator/`,
    ownerCode: async () =>
      (await readFile(
        join(place.home, "extensions/agent-creator/state/owner_sign_in.txt"),
        "utf8",
      )).trim(),
    async killMicroapp() {
      const pid = (await status())?.pid;
      if (pid == null) throw new Error("the microapp does not run");
      process.kill(pid, "SIGKILL");
    },
    restartMicroapp,
    async comeBack() {
      kills++;
      if (kills % 2 === 0) await restartMicroapp();
    },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await telegram.stop();
      await model[Symbol.asyncDispose]();
    },
  };
}

/**
 * The next time the page sends `method` to `path`, the microapp is killed before the page has the
 * answer: once the act is done or, unless `isDone`, while it is under way. What the page does then
 * it does by itself.
 */
export async function loseAnswer(
  page: Page,
  { killMicroapp, comeBack }: Business,
  { method = "POST", path, isDone = true }: {
    method?: string;
    path: string | RegExp;
    isDone?: boolean;
  },
): Promise<void> {
  const url = ({ pathname }: URL): boolean =>
    typeof path === "string" ? pathname.endsWith(`/api/${path}`) : path.test(pathname);
  let isOver = false;
  await page.route(url, async (route) => {
    if (isOver || route.request().method() !== method) return route.fallback();
    isOver = true;
    // The answer of one that is killed under way is an error of whatever stands between.
    const answer = route.fetch().catch(() => undefined);
    if (isDone) expect((await answer)?.ok(), String(path)).toBe(true);
    await killMicroapp();
    await answer;
    await route.abort("connectionreset");
    await comeBack();
  });
}

/** Somebody on the web chat. */
export interface Visitor {
  readonly contact: string;
  readonly say: (text: string) => Promise<void>;
  /** Everything that was answered so far. */
  readonly heard: () => Promise<string[]>;
}

/** Comes to the web chat of `instance` and says something. */
export async function openVisitor(
  edgeUrl: string,
  instance: string,
  first: string,
): Promise<Visitor> {
  const url = `${edgeUrl}/chat/${instance}/messages`;
  let cookie = "";
  async function ask(init: RequestInit): Promise<Record<string, unknown>> {
    // A connection that was kept may be closed by the edge the moment it is used again.
    const headers = { "content-type": "application/json", cookie, connection: "close" };
    const response = await fetch(url, { ...init, headers });
    expect(response.ok, `${response.status}`).toBe(true);
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return await response.json() as Record<string, unknown>;
  }
  const say = async (text: string): Promise<void> =>
    void await ask({ method: "POST", body: JSON.stringify({ text }) });
  await say(first);
  const [, id = ""] = cookie.split("=");
  return {
    contact: `visitor-${id.split(".")[0]}`,
    say,
    async heard() {
      const { messages } = await ask({ method: "GET" }) as { messages: { text: string }[] };
      return messages.map(({ text }) => text);
    },
  };
}

interface Said {
  readonly role: string;
  readonly content: string | null;
}

/** Thinks as far as this story needs it. What it knows it has from the conversation alone. */
function think({ body }: Heard): Play {
  const messages = body["messages"] as readonly Said[];
  const last = messages.at(-1);
  const text = last?.content ?? "";
  const usage = { input: 100, output: 20 };
  if (last?.role === "tool") {
    return { kind: "answer", text: "A colleague will be with you shortly.", usage };
  }
  if (/refund/i.test(text)) {
    const args = {
      summary: "Wants a refund for order 77",
      reason: "needs_human_judgment",
      urgency: "high",
    };
    const calls = [{ id: "c1", name: "escalate_to_human", arguments: JSON.stringify(args) }];
    return { kind: "answer", calls, usage };
  }
  if (/when/i.test(text)) {
    const promised = /money is back by (\w+)/.exec(JSON.stringify(messages))?.[1];
    const said = promised === undefined ? "I do not know." : `Your money is back by ${promised}.`;
    return { kind: "answer", text: said, usage };
  }
  return { kind: "answer", text: "Hello! How can I help?", usage };
}

/** Types the code in and waits until the page knows who it is. */
export async function signIn(page: Page, url: string, code: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel("Sign-in code").fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}
