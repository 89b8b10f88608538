/**
 * The firehose of a real daemon: through its own edge, and through edges of other processes.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { FIREHOSE_PROTOCOL, FirehoseFrame } from "../../../core/contract/mod.ts";
import { openDaemonPlace } from "../../support/daemon.ts";
import { startNatsServer } from "../../support/nats_server.ts";

/** Frames as they come, and how the connection ended. */
function follow(edgeUrl: string, token: string) {
  const socket = new WebSocket(`${edgeUrl.replace("http", "ws")}/firehose`, [
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
});
