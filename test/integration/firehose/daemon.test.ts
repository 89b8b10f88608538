/**
 * The firehose of a real daemon: through its own edge, and through edges of other processes.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { openNatsBus } from "../../../core/bus/nats.ts";
import { FIREHOSE_PROTOCOL, FirehoseFrame, subjects } from "../../../core/contract/mod.ts";
import { openDaemonPlace } from "../../support/daemon.ts";
import { startNatsServer } from "../../support/nats_server.ts";
import { silentLog } from "../../support/store.ts";

/** Frames as they come, and how the connection ended. */
function follow(edgeUrl: string, token: string, query = "") {
  const socket = new WebSocket(`${edgeUrl.replace("http", "ws")}/firehose${query}`, [
    FIREHOSE_PROTOCOL,
    `bearer.${token}`,
  ]);
  const frames: FirehoseFrame[] = [];
  let tell = (): void => {};
  socket.on("message", (data: Buffer) => {
    frames.push(FirehoseFrame.parse(JSON.parse(data.toString())));
    tell();
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  return {
    frames,
    closed,
    async until(done: (frame: FirehoseFrame) => boolean): Promise<void> {
      while (!frames.some(done)) await new Promise<void>((resolve) => (tell = resolve));
    },
  };
}

/** Says as an edge would, but without the key, who watches the conversation; resolves once it is passed on. */
async function claimToWatch(natsUrl: string, watcher: string): Promise<void> {
  await using bus = await openNatsBus({
    url: natsUrl,
    auth: undefined,
    name: "stranger",
    jetStream: false,
    now: Date.now,
    log: silentLog,
  });
  const room = { account: "acme", conversation: "s-1", watchers: [watcher], more: 0 };
  const news = new TextEncoder().encode(JSON.stringify({ edge: "stranger", rooms: [room] }));
  const said = [news, Uint8Array.of(1, ...news)];
  const passed = new Promise<void>((resolve) => {
    let heard = 0;
    bus.subscribe(subjects.presence, {}, ({ data }) => {
      if (said.some((one) => Buffer.compare(one, data) === 0) && ++heard === said.length) resolve();
    });
  });
  for (const data of said) bus.publish(subjects.presence, data);
  await passed;
}

const isSent = (frame: FirehoseFrame): boolean =>
  frame.type === "event" && frame.event.kind === "outbound_sent";

describe("the firehose of a running daemon", () => {
  it.each(["its own edge", "node", "deno"] as const)(
    "streams a tenant its own turns through %s, and ends when the token is taken back",
    async (where) => {
      await using nats = where === "its own edge" ? undefined : await startNatsServer();
      await using place = await openDaemonPlace({
        env: nats === undefined ? {} : {
          NEXO_NATS_URL: nats.url,
          NEXO_EDGE_KEY: "a key that only core and its edges know",
        },
      });
      const core = await place.start(where === "its own edge" ? "dev" : "core");
      const edgeUrl = where === "its own edge" ? core.edgeUrl : (await place.startEdge(where)).url;
      const { token, jti } = await core.call<{ token: string; jti: string }>("token/create", {
        scope: ["tenant"],
        account: "acme",
      });
      const stream = follow(edgeUrl, token);
      await stream.until(({ type }) => type === "ready");
      await core.call("chat", { instance: "globex", text: "not for acme" });
      await core.call("chat", { instance: "acme", text: "for acme" });
      await stream.until(isSent);

      const events = stream.frames.flatMap((frame) => frame.type === "event" ? [frame.event] : []);
      expect(new Set(events.map((event) => (event as { tenant_id?: string }).tenant_id)))
        .toEqual(new Set(["acme"]));
      expect(events.map(({ kind }) => kind)).toEqual([
        "turn_started",
        "transcript_appended",
        "transcript_appended",
        "turn_finished",
        "outbound_sent",
      ]);
      expect(JSON.stringify(stream.frames)).not.toContain("not for acme");

      await core.call("token/revoke", { jti });
      expect(await stream.closed).toBe(4001);
    },
  );

  it("adds up who watches a conversation at edges of two kinds, believes no stranger, and forgets an edge that was killed", async () => {
    await using nats = await startNatsServer();
    await using place = await openDaemonPlace({
      env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: "a key that only core and its edges know" },
    });
    const core = await place.start("core");
    const [node, deno] = await Promise.all([place.startEdge("node"), place.startEdge("deno")]);
    const watchAt = async (edgeUrl: string, subject: string, account: string) => {
      const asked = { scope: ["tenant"], account, subject };
      const { token } = await core.call<{ token: string }>("token/create", asked);
      return follow(edgeUrl, token, "?conversation=s-1&presence=1");
    };
    const sees = (...watchers: string[]) => (frame: FirehoseFrame): boolean =>
      frame.type === "presence" && frame.watchers.join() === watchers.join();
    const ana = await watchAt(node.url, "ana", "acme");
    await ana.until(sees("ana"));
    await claimToWatch(nats.url, "mallory");
    const eve = await watchAt(deno.url, "eve", "globex");
    await eve.until(sees("eve"));
    const bo = await watchAt(deno.url, "bo", "acme");
    await Promise.all([ana, bo].map((one) => one.until(sees("ana", "bo"))));
    await node.kill();
    await bo.until((frame) => sees("bo")(frame) && bo.frames.at(-1) === frame);
    expect(bo.frames.filter(({ type }) => type === "presence").length).toBeLessThanOrEqual(3);
    expect(JSON.stringify(bo.frames)).not.toContain("eve");
    expect(JSON.stringify([ana.frames, bo.frames])).not.toContain("mallory");
    await expect.poll(place.output).toContain("bus.unread");
    expect(JSON.stringify(eve.frames)).not.toMatch(/ana|bo/);
  });
});
