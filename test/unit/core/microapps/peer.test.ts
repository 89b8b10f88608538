/**
 * The JSON-RPC peer over two streams in memory.
 *
 * @module
 */
import { getEventListeners, once } from "node:events";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { CodedError, RpcFault } from "../../../../core/contract/mod.ts";
import { createPeer, PEER_LIMITS, type PeerLimits } from "../../../../core/microapps/peer.ts";

function open(
  { limits = {}, onRequest = () => Promise.resolve(null) }: {
    limits?: Partial<PeerLimits>;
    onRequest?: (request: { method: string; params: unknown }) => Promise<unknown>;
  } = {},
) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const warn = vi.fn();
  const log = { debug() {}, info() {}, warn, error() {} };
  const strays: string[] = [];
  const peer = createPeer({
    input,
    output,
    log,
    limits: { ...PEER_LIMITS, ...limits },
    onRequest,
    onStray: (line) => void strays.push(line),
  });
  return {
    peer,
    input,
    output,
    strays,
    say: (frame: unknown) => void input.write(`${JSON.stringify(frame)}\n`),
    /** All that was written since the last look. */
    written: async (): Promise<string> => {
      await setImmediate();
      return String(output.read() ?? "");
    },
  };
}

const soon = { timeoutMs: 60_000 };

describe("a peer", () => {
  it("numbers calls from 1 and keeps 0 for initialize and shutdown", async () => {
    const { peer, say, written } = open();
    const calls = [
      peer.call("initialize", {}, { ...soon, id: 0 }),
      peer.call("a", { x: 1 }, soon),
      peer.call("b", null, soon),
    ];
    peer.notify("n", {});
    expect(await written()).toBe(
      '{"jsonrpc":"2.0","method":"initialize","params":{},"id":0}\n' +
        '{"jsonrpc":"2.0","method":"a","params":{"x":1},"id":1}\n' +
        '{"jsonrpc":"2.0","method":"b","params":null,"id":2}\n' +
        '{"jsonrpc":"2.0","method":"n","params":{}}\n',
    );
    for (const id of [2, 0, 1]) say({ id, result: id });
    expect(await Promise.all(calls)).toEqual([0, 1, 2]);
  });

  it("writes every frame as one JSON object and one newline, and never error: null", async () => {
    const frame = fc.record({
      id: fc.oneof(fc.uuid().map((id) => `app:${id}`), fc.nat()),
      params: fc.json(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(frame), fc.json(), async (requests, reply) => {
        const { peer, say, written } = open({ onRequest: () => Promise.resolve(reply) });
        for (const { id, params } of requests) say({ id, method: "nexo/admin/echo", params });
        peer.notify("nexo/notify/x", { text: reply });
        const text = await written();
        expect(text.endsWith("\n")).toBe(true);
        const lines = text.slice(0, -1).split("\n");
        expect(lines.length).toBe(requests.length + 1);
        for (const line of lines) {
          const read = JSON.parse(line) as object;
          expect(read).toMatchObject({ jsonrpc: "2.0" });
          expect("error" in read).toBe(false);
          if ("id" in read) expect("method" in read).toBe(false);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("reads every shape of answer", async () => {
    const { peer, say } = open();
    const calls = Array.from({ length: 5 }, () => peer.call("x", {}, soon).catch((error) => error));
    say({ id: 1, result: 1, error: { code: 1, message: "no" } });
    say({ id: 2 });
    say({ id: 3, error: { code: -32602, message: "bad", data: { code: "invalid_arguments" } } });
    say({ id: 4, error: null });
    say({ id: 5, method: "x", result: "echoed" });
    const answers = await Promise.all(calls);
    expect(answers).toEqual([1, null, expect.any(RpcFault), null, "echoed"]);
    expect(answers[2]).toMatchObject({ code: -32602, data: { code: "invalid_arguments" } });
  });

  it("ignores answers to nothing, garbage and frames of no kind", async () => {
    const { peer, input, say, strays } = open();
    const call = peer.call("x", {}, soon);
    for (const junk of ["{", "[]", "7", '"x"', "null", "{}", '{"id":1.5,"result":1}']) {
      input.write(`${junk}\n`);
    }
    say({ id: "1", result: "wrong" });
    say({ id: -1, result: "wrong" });
    say({ id: 1, error: "not an object" });
    say({ id: null, error: { code: -32700, message: "parse error" } });
    say({ id: 1, result: "right" });
    say({ id: 1, result: "again" });
    expect(await call).toBe("right");
    await setImmediate();
    expect(strays.length).toBe(12);
  });

  it("drops what nests too deeply, answers and requests alike", async () => {
    const onRequest = vi.fn(() => Promise.resolve(null));
    const { peer, input, strays } = open({ onRequest });
    const call = peer.call("x", {}, soon);
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    input.write(`{"id":"app:1","method":"ask","params":${nested(100_000)}}\n`);
    input.write(`{"id":1,"result":${nested(256)}}\n`);
    input.write(`{"id":1,"result":${nested(255)}}\n`);
    expect(JSON.stringify(await call)).toBe(nested(255));
    expect(strays).toHaveLength(2);
    expect(onRequest).not.toHaveBeenCalled();
  });

  it("rests from reading a child that says many useless things at once, and goes on", async () => {
    const { peer, input, say } = open({ limits: { strayLines: 4 } });
    const call = peer.call("x", {}, soon);
    input.write("useless\n".repeat(4));
    await setImmediate();
    expect(input.isPaused()).toBe(false);
    const paused = once(input, "pause");
    input.write("useless\n".repeat(5));
    await paused;
    say({ id: 1, result: "heard" });
    expect(await call).toBe("heard");
  });

  it("stays silent about a late answer, and takes back what was not yet written", async () => {
    const { peer, say, strays, written } = open();
    await expect(peer.call("late", {}, { timeoutMs: 1 })).rejects.toMatchObject({
      code: "microapp_timeout",
    });
    const stop = new AbortController();
    const other = peer.call("other", {}, soon);
    const stopped = peer.call("taken back", {}, { ...soon, signal: stop.signal });
    stop.abort(new CodedError("conflict", "enough"));
    await expect(stopped).rejects.toMatchObject({ code: "conflict" });
    expect(await written()).not.toContain("taken back");
    say({ id: 1, result: "too late" });
    say({ id: 2, result: null });
    await other;
    expect(strays).toEqual([]);
  });

  it("gives each call up for its own time, whichever was made first", async () => {
    const { peer, say } = open();
    const patient = peer.call("patient", {}, soon);
    const ended = (method: string, timeoutMs: number) =>
      peer.call(method, {}, { timeoutMs }).catch(({ message }: Error) => message);
    expect(await Promise.all([ended("slow", 20), ended("quick", 1)])).toEqual([
      'Cannot call "slow": no answer in 20 ms',
      'Cannot call "quick": no answer in 1 ms',
    ]);
    expect(await ended("later", 1)).toBe('Cannot call "later": no answer in 1 ms');
    say({ id: 1, result: "still heard" });
    expect(await patient).toBe("still heard");
  });

  it("gives no call a number by which an open one would be mistaken for it", async () => {
    const { peer, say, written } = open({ limits: { calls: 2 } });
    const first = peer.call("first", {}, soon);
    await written();
    for (let n = 0; n < 20; n++) {
      const call = peer.call("x", {}, soon);
      const { id } = JSON.parse(await written()) as { id: number };
      say({ id, result: `of ${id}` });
      expect(await call).toBe(`of ${id}`);
    }
    const last = peer.call("shutdown", {}, { ...soon, id: 0 });
    for (const id of [1, 0]) say({ id, result: id });
    expect(await Promise.all([first, last])).toEqual([1, 0]);
  });

  it("listens once to a signal that many calls have, and to none of long ago", async () => {
    const { peer, say } = open();
    const [turn, other] = [new AbortController(), new AbortController()];
    const listeners = ({ signal }: AbortController) => getEventListeners(signal, "abort").length;
    for (let id = 1; id <= 5; id++) {
      const call = peer.call("x", {}, { ...soon, signal: turn.signal });
      say({ id, result: id });
      expect(await call).toBe(id);
    }
    expect(listeners(turn)).toBe(1);

    const open_ = [turn, turn, other].map(({ signal }) => peer.call("x", {}, { ...soon, signal }));
    turn.abort(new CodedError("conflict", "enough"));
    for (const call of open_.slice(0, 2)) {
      await expect(call).rejects.toMatchObject({ code: "conflict" });
    }
    say({ id: 8, result: "its own" });
    expect(await open_[2]).toBe("its own");

    const many = Array.from({ length: 300 }, () => new AbortController());
    for (const [i, { signal }] of many.entries()) {
      const call = peer.call("x", {}, { ...soon, signal });
      say({ id: 9 + i, result: null });
      await call;
    }
    expect(listeners(other)).toBe(0);
    expect(many.filter((each) => listeners(each) > 0).length).toBeLessThanOrEqual(64);
    peer.close(new CodedError("microapp_exited", "gone"));
    expect(many.filter((each) => listeners(each) > 0)).toEqual([]);
  });

  it("sends a lone call at once, and together what those ask next who were answered together", async () => {
    const { peer, input, output, say } = open();
    const write = vi.spyOn(output, "write");
    async function ask(times: number): Promise<void> {
      for (let n = 0; n < times; n++) await peer.call("x", {}, soon);
    }
    const asked = [ask(2), ask(2).then(async () => {}), ask(1).then(() => ask(1))];
    await setImmediate();
    input.write([1, 2, 3].map((id) => `{"id":${id},"result":null}\n`).join(""));
    await setImmediate();
    expect(write.mock.calls.map(([text]) => String(text).match(/"id":\d/g))).toEqual([
      ['"id":1'],
      ['"id":2', '"id":3'],
      ['"id":4'],
      ['"id":5', '"id":6'],
    ]);
    for (const id of [4, 5, 6]) say({ id, result: null });
    await Promise.all(asked);
  });

  it("refuses calls beyond its limit and fails all open ones when it closes", async () => {
    const { peer } = open({ limits: { calls: 2 } });
    const calls = [peer.call("a", {}, soon), peer.call("b", {}, soon)];
    await expect(peer.call("c", {}, soon)).rejects.toMatchObject({ code: "microapp_busy" });
    peer.close(new CodedError("microapp_exited", "gone"));
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "microapp_exited" });
    await expect(peer.call("d", {}, soon)).rejects.toMatchObject({ code: "microapp_exited" });
  });

  it("F3: drops the oldest notifications when the child does not read, and no reply", async () => {
    const { peer, say, output } = open({
      limits: { notices: 3 },
      onRequest: () => Promise.resolve("reply"),
    });
    const huge = "x".repeat(256 * 1024);
    peer.notify("blocks the pipe", huge);
    await setImmediate();
    for (let n = 0; n < 10; n++) {
      peer.notify(`notice-${n}`, {});
      say({ id: `app:${n}`, method: "ask", params: {} });
    }
    await setImmediate();
    expect(peer.droppedNotices).toBe(7);
    let text = "";
    output.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    while (!text.includes("app:9")) await once(output, "data");
    const names = text.match(/notice-\d|app:\d/g);
    expect(names?.filter((name) => name.startsWith("notice"))).toEqual([
      "notice-7",
      "notice-8",
      "notice-9",
    ]);
    expect(names?.filter((name) => name.startsWith("app")).length).toBe(10);
  });

  it("stops reading a child with too many open requests, and goes on later", async () => {
    const open_: (() => void)[] = [];
    let asked = 0;
    const { say, input } = open({
      limits: { requests: 2 },
      onRequest() {
        asked += 1;
        return new Promise((resolve) => open_.push(() => resolve(null)));
      },
    });
    for (let n = 0; n < 2; n++) say({ id: `app:${n}`, method: "ask", params: {} });
    await setImmediate();
    expect([asked, input.isPaused()]).toEqual([2, true]);
    say({ id: "app:2", method: "ask", params: {} });
    await setImmediate();
    expect(asked).toBe(2);
    open_.shift()?.();
    await setImmediate();
    await setImmediate();
    expect(asked).toBe(3);
  });

  it("stops reading a child that asks and does not read the answers, until it does", async () => {
    const { say, input, output } = open({
      limits: { waitingChars: 100_000 },
      onRequest: () => Promise.resolve("x".repeat(50_000)),
    });
    for (let n = 0; n < 10; n++) {
      say({ id: `app:${n}`, method: "ask", params: {} });
      await setImmediate();
    }
    expect(input.isPaused()).toBe(true);
    const resumed = once(input, "resume");
    output.resume();
    await resumed;
  });

  it("answers with the error a handler chose, and internal for all others", async () => {
    const { say, written } = open({
      onRequest({ method }) {
        if (method === "coded") throw new RpcFault(-32004, "capability_not_granted: x");
        throw new Error("boom");
      },
    });
    say({ id: "app:1", method: "coded", params: {} });
    say({ id: "app:2", method: "other", params: {} });
    say({ id: "plain", method: "other", params: {} });
    await setImmediate();
    const replies = (await written()).trim().split("\n").map((line) => JSON.parse(line));
    expect(Object.fromEntries(replies.map(({ id, error }) => [id, error.code]))).toEqual({
      "app:1": -32004,
      "app:2": -32603,
      plain: -32600,
    });
  });
});
