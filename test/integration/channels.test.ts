/**
 * Every channel through a running daemon: what people write to two tenants' bots is answered by the
 * bot they wrote to, where they wrote it.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TelegramServer } from "telegram-test-api/lib/telegramServer.js";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { addressOf, type Chat, postOf, statusPost } from "../support/channels/people.ts";
import { PROVIDED, TENANTS } from "../support/channels/tenants.ts";
import { openTown, type Town } from "../support/channels/town.ts";
import { freePort } from "../support/free_port.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { grep } from "../support/grep.ts";
import { openProvider } from "../support/provider.ts";
import { eventually, type SeenEvent, tailTurns } from "../support/watch.ts";

const PLUGIN = `
[plugin]
id = "echoing"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(import.meta.dirname, "../support/microapps/good.mjs"))}]
`;

const provider = openProvider();
let town: Town;
let place: DaemonPlace;
let daemon: RunningDaemon;

beforeAll(async () => {
  town = await openTown();
  place = await openDaemonPlace({ env: { NEXO_LOG: "debug" } });
  for (const [file, text] of Object.entries(town.files)) await place.writeConfig(file, text);
  await place.writeConfig("echoing/plugin.toml", PLUGIN);
  await place.writeConfig(
    "extensions.yaml",
    "extensions: { entries: { echoing: { path: ./echoing } } }\n",
  );
  daemon = await place.start();
  await town.settled;
});
afterAll(async () => {
  provider[Symbol.dispose]();
  await place[Symbol.asyncDispose]();
  await town[Symbol.asyncDispose]();
});

async function say(chat: Chat, text: string, number = 0): Promise<number> {
  const post = town.say({ ...chat, text, number });
  return post === undefined ? 200 : provider.post(daemon.edgeUrl + post.path, post);
}

/** Ann is the same person to both tenants, alone and in a group. Mail knows no groups. */
const CHATS: readonly Chat[] = PROVIDED.flatMap((channel) =>
  TENANTS.flatMap((instance) =>
    (channel === "email" ? [false] : [false, true]).map((group) => ({
      channel,
      instance,
      person: 7,
      group,
    }))
  )
);
const nameOf = ({ channel, instance, group }: Chat): string =>
  `${channel} of ${instance}${group ? " in a group" : ""}`;

describe("channels", () => {
  it("N1, N3: answer mail and all else by the bot that was asked, groups in the group", async () => {
    for (const chat of CHATS) {
      const status = await say(chat, `from ${nameOf(chat)}.`);
      expect(status, nameOf(chat)).toBeLessThan(300);
    }
    await town.eventually(() => town.arrived.length >= CHATS.length ? true : undefined);
    const told = town.arrived.map((arrival) => ({
      ...arrival,
      text: /from ([a-z ]+)\./.exec(arrival.text)?.[1] ?? arrival.text,
    }));
    const due = CHATS.map((chat) => ({
      channel: chat.channel,
      instance: chat.instance,
      ...addressOf(chat),
      text: nameOf(chat),
    }));
    const sorted = (all: readonly { text: string }[]) =>
      all.toSorted((a, b) => a.text < b.text ? -1 : 1);
    expect(sorted(told)).toEqual(sorted(due));
  });

  it("keep the same person's conversations with two tenants apart", async () => {
    const key = (await readFile(join(place.home, "keys", "operator.key"), "utf8")).trim();
    for (const tenant of TENANTS) {
      const body = JSON.stringify({ contact: "ann", text: `hello ${tenant}` });
      const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
      const url = `${daemon.edgeUrl}/chat/${tenant}/messages`;
      expect(await provider.post(url, { body, headers })).toBe(202);
    }
    const own = CHATS.length / TENANTS.length + 1;
    const sessions = await Promise.all(TENANTS.map((account) =>
      eventually(daemon, async () => {
        const turns = await tailTurns(daemon, { account });
        return turns.length === own ? turns : undefined;
      })
    ));
    expect(new Set(sessions.flat().map(({ session_id }) => session_id)).size).toBe(2 * own);
    for (const [i, turns] of sessions.entries()) {
      const instances = turns.map(({ binding_id }) => binding_id.split(":")[1]);
      expect(new Set(instances)).toEqual(new Set([TENANTS[i]]));
    }
  });

  it("give each tenant the receipts of its own line", async () => {
    const statuses = await town.eventually(() =>
      town.statuses.length === 4 ? [...town.statuses] : undefined
    );
    for (const status of statuses) {
      const post = statusPost(status);
      expect(await provider.post(daemon.edgeUrl + post.path, post)).toBe(200);
    }
    // Of another tenant's message nobody learns anything, nor changes it.
    const [first] = statuses.filter(({ instance }) => instance === "globex");
    if (first === undefined) throw new Error("globex sent nothing");
    const foreign = statusPost({ ...first, instance: "acme", msgId: "wamid.foreign" });
    expect(await provider.post(daemon.edgeUrl + foreign.path, foreign)).toBe(200);
    for (const account of TENANTS) {
      const known = await eventually(daemon, async () => {
        const found = (await eventsOf(account, "outbound_receipt"))
          .filter(({ msg_id }) => msg_id !== "wamid.foreign");
        return found.length >= 2 ? found : undefined;
      });
      const sent = await eventsOf(account, "outbound_sent");
      const own = new Set(sent.map(({ outbound_id }) => outbound_id));
      expect(known.map(({ instance, status }) => `${String(instance)} ${String(status)}`)).toEqual([
        `${account} delivered`,
        `${account} delivered`,
      ]);
      for (const { outbound_id } of known) expect(own.has(outbound_id)).toBe(true);
    }
  });

  it("take nothing that is signed with another tenant's secret, or with none", async () => {
    const before = town.arrived.length;
    for (const channel of PROVIDED) {
      const saying = { channel, person: 8, group: false, text: "let me in", number: 1 } as const;
      const forged = postOf({ ...saying, instance: "acme" }, "a secret of nobody's");
      const path = `/channels/${channel}/globex`;
      expect(await provider.post(daemon.edgeUrl + path, forged), channel).toBe(401);
      const bare = { body: forged.body, headers: { "content-type": "application/json" } };
      expect(await provider.post(daemon.edgeUrl + path, bare), channel).toBe(401);
    }
    const { deliveries } = await daemon.call<{ deliveries: unknown[] }>("inbox/list", {
      state: "queued",
    });
    expect(deliveries).toEqual([]);
    expect(town.arrived).toHaveLength(before);
  });

  it("serve a bot registered while they run, by polling, and its new token when that changes", async () => {
    const port = await freePort();
    const telegram = new TelegramServer({ port, host: "127.0.0.1" });
    await telegram.start();
    try {
      await declareBot({
        instance: "polled",
        account_id: "acme",
        api_root: telegram.config.apiURL,
        polling: { interval_ms: 1000 },
      });
      for (const token of ["50:first", "50:second"]) {
        const registered = await daemon.call("nexo/admin/credentials/register", {
          channel: "telegram",
          instance: "polled",
          agent_ids: ["ana"],
          tenant_id: "acme",
          payload: { token },
        });
        expect(registered).toMatchObject({ validation: { reason_code: "ok" } });
        const client = telegram.getClient(token, { chatId: 9, userId: 9 });
        const answered = telegram.waitBotMessage();
        await client.sendMessage(client.makeMessage(`to ${token}`));
        await answered;
        const { result } = await client.getUpdates() as {
          result: { message: { chat_id: string; text: string } }[];
        };
        expect(result.map(({ message }) => message)).toMatchObject([
          { chat_id: "9", text: `You said: "to ${token}"` },
        ]);
      }
    } finally {
      await telegram.stop();
    }
  });

  it("K6: leave a registered bearer in no file, log, event, audit or microapp's environment", async () => {
    const planted = (name: string) => `planted-${name}-Zk3vQ9wLr7TbXy2N`;
    const payloads = {
      telegram: { token: `51:${planted("token")}` },
      slack: { bot_token: `xoxb-${planted("bot")}`, signing_secret: planted("signing") },
      whatsapp: {
        phone_number_id: "10654035224299",
        access_token: `EAA-${planted("access")}`,
        app_secret: planted("app"),
      },
      email: { address: "planted@acme.example", password: planted("password") },
      generic: { api_key: planted("key") },
    };
    // Nobody answers there, so each try ends in an error that could quote what was sent.
    const port = await freePort();
    const server = { host: "127.0.0.1", port, tls: "none" };
    await declareBot({ instance: "planted", api_root: `http://127.0.0.1:${port}` });
    for (const [channel, payload] of Object.entries(payloads)) {
      await daemon.call("nexo/admin/credentials/register", {
        channel,
        instance: "planted",
        agent_ids: channel === "generic" ? [] : ["ana"],
        tenant_id: "acme",
        payload,
        metadata: channel === "email" ? { imap: server, smtp: server } : {},
      });
    }
    const findings = await vi.waitFor(async () => {
      const doctor = await daemon.call<{ findings: Finding[] }>("doctor");
      const found = doctor.findings.filter(({ area, subject }) =>
        area === "channels" && /^(telegram|email):planted/.test(subject)
      );
      expect(found).toHaveLength(2);
      for (const { message } of found) expect(message).toMatch(/cannot be read|ECONNREF|failed/);
      return found;
    }, 30_000);
    const { microapps } = await daemon.call<{ microapps: { pid: number }[] }>("ext/status");
    const told = {
      findings: JSON.stringify(findings),
      credentials: JSON.stringify(await daemon.call("nexo/admin/credentials/list", {})),
      events: JSON.stringify(await daemon.call("events/list", { limit: 1000 })),
      audit: (await place.nexo("audit", "export")).stdout,
      environment: (await readFile(`/proc/${microapps[0]?.pid}/environ`)).toString(),
    };
    expect(told.audit).toContain("nexo/admin/credentials/register");
    expect(told.credentials).toContain("planted");
    for (const [what, text] of Object.entries(told)) expect(text, what).not.toContain("Zk3vQ9w");
    expect(await grep(place, ["Zk3vQ9w"], [place.configDir])).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(await grep(place, ["Zk3vQ9w"], [place.configDir])).toEqual([]);
  });
});

interface Finding {
  readonly area: string;
  readonly subject: string;
  readonly message: string;
}

/** Adds a bot to its file, as an operator would. */
async function declareBot(bot: Readonly<Record<string, unknown>>): Promise<void> {
  const file = "plugins/telegram.yaml";
  const { telegram } = parse(await readFile(join(place.configDir, file), "utf8")) as {
    telegram: unknown[];
  };
  await place.writeConfig(file, JSON.stringify({ telegram: [...telegram, bot] }));
}

async function eventsOf(account: string, kind: string): Promise<readonly SeenEvent[]> {
  const { events } = await daemon.call<{ events: SeenEvent[] }>("events/list", {
    account,
    limit: 1000,
  });
  return events.filter((event) => event.kind === kind);
}
