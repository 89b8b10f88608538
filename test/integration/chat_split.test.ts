/**
 * The web chat with its edges apart from core: one on Deno, one on Node, NATS in between, core killed.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ChatFrame } from "../../edge/chat/frames.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { type NatsServer, startNatsServer } from "../support/nats_server.ts";

const TOKEN = "a token of the bus";
const EDGE_KEY = "11223344556677889900aabbccddeeff11223344556677889900aabbccddeeff";

interface Tab extends Disposable {
  readonly say: (text: string, id: string) => void;
  readonly texts: () => string[];
  readonly until: (found: (frames: readonly ChatFrame[]) => boolean) => Promise<void>;
}

function openTab(edgeUrl: string, cookie: string): Promise<Tab> {
  return new Promise((resolve, reject) => {
    const url = `${edgeUrl.replace("http", "ws")}/chat/acme/ws`;
    const socket = new WebSocket(url, { headers: { cookie, origin: edgeUrl } });
    const frames: ChatFrame[] = [];
    let wake = (): void => undefined;
    socket.on("error", reject);
    socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
    socket.on("message", (data: Buffer) => {
      frames.push(JSON.parse(data.toString()) as ChatFrame);
      resolve(tab);
      wake();
    });
    const tab: Tab = {
      say: (text, client_msg_id) =>
        socket.send(JSON.stringify({ type: "say", text, client_msg_id })),
      texts: () =>
        frames.flatMap((one) =>
          one.type === "page" ? one.messages.map(({ from, text }) => `${from}: ${text}`) : []
        ),
      async until(found) {
        while (!found(frames)) await new Promise<void>((done) => (wake = done));
      },
      [Symbol.dispose]: () => socket.terminate(),
    };
  });
}

const answered = (tab: Tab, text: string) => () =>
  tab.texts().some((one) => one.startsWith("agent") && one.includes(text));

describe("the web chat over NATS", () => {
  let nats: NatsServer;
  let place: DaemonPlace;
  let core: RunningDaemon;
  let deno: { url: string };
  let node: { url: string };

  beforeAll(async () => {
    nats = await startNatsServer({ auth: { token: TOKEN } });
    place = await openDaemonPlace({
      env: {
        NEXO_NATS_URL: nats.url.replace("://", `://${encodeURIComponent(TOKEN)}@`),
        NEXO_EDGE_KEY: EDGE_KEY,
      },
    });
    core = await place.start("core");
    [deno, node] = await Promise.all([place.startEdge("deno"), place.startEdge("node")]);
  });
  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
    await nats?.[Symbol.asyncDispose]();
  });

  it("is one conversation at either edge, with core killed in the middle", async () => {
    const page = await fetch(`${deno.url}/chat/acme`);
    expect(page.status).toBe(200);
    const cookie = page.headers.get("set-cookie")?.split(";")[0] ?? "";
    using atDeno = await openTab(deno.url, cookie);
    using atNode = await openTab(node.url, cookie);
    atDeno.say("by deno", "d1");
    await Promise.all([
      atDeno.until(answered(atDeno, "by deno")),
      atNode.until(answered(atNode, "by deno")),
    ]);

    // More than one piece, each under NATS' own limit.
    const bytes = new Uint8Array(700_000).fill(65);
    const up = await fetch(`${node.url}/chat/acme/files?name=long.txt`, {
      method: "POST",
      body: bytes,
      headers: { cookie },
    });
    expect(up.status).toBe(201);
    const { file } = await up.json() as { file: { id: string; mime: string } };
    expect(file.mime).toBe("text/plain");
    const down = await fetch(`${deno.url}/chat/acme/files/${file.id}`, { headers: { cookie } });
    expect(Buffer.from(await down.arrayBuffer()).equals(bytes)).toBe(true);

    await core.kill();
    atDeno.say("while it is away", "d2");
    await atDeno.until((frames) => frames.some((one) => one.type === "refused" && one.retry));
    core = await place.start("core");
    // What a page does with what was refused for now.
    atDeno.say("while it is away", "d2");
    atNode.say("while it is away", "d2");
    await Promise.all([
      atDeno.until(answered(atDeno, "while it is away")),
      atNode.until(answered(atNode, "while it is away")),
    ]);
    const told = [
      "visitor: by deno",
      'agent: You said: "by deno"',
      "visitor: while it is away",
      'agent: You said: "while it is away"',
    ];
    expect(atDeno.texts()).toEqual(told);
    expect(atNode.texts()).toEqual(told);
    using later = await openTab(node.url, cookie);
    expect(later.texts()).toEqual(told);
  });
});
