import type { Writable } from "node:stream";
import fc from "fast-check";
import * as ws from "ws";
import { describe, expect, it } from "vitest";
import { frameAt, frameOf, messagesOf } from "../../../../edge/firehose/frames.ts";
import { createRing, type Item } from "../../../../edge/firehose/ring.ts";

// Its types leave out what reads frames.
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => Writable;
};

/** What ws reads from the bytes of a server. */
function received(bytes: Uint8Array): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve, reject) => {
    const receiver = new Receiver({ isServer: false });
    receiver.on("message", (data: Buffer) => void texts.push(data.toString()));
    receiver.on("error", reject);
    receiver.write(bytes, () => setImmediate(() => resolve(texts)));
  });
}

describe("messagesOf", () => {
  it("joins frames that any WebSocket client reads one by one", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.constantFrom(...[100, 125, 200, 65_500, 70_000].map((n) => "é".repeat(n))),
          ),
          { minLength: 1, maxLength: 5 },
        ),
        async (bodies) => {
          const frames = bodies.map((body, i) => frameAt("e", i, JSON.stringify(body)));
          expect(await received(messagesOf(frames).wire())).toEqual(frames.map(({ text }) => text));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("builds each frame once, however many messages it is in", () => {
    const frame = frameAt("e", 1, "{}");
    messagesOf([frame]).wire();
    const { wire } = frame;
    const both = messagesOf([frame, frameAt("e", 2, "{}")]);
    expect(both.wire()).toBe(both.wire());
    expect(frame.wire).toBe(wire);
  });

  it("gives server-sent events the cursor as their id", () => {
    const frames = [frameAt("e", 1, "{}"), frameOf({ type: "gap", from: "e.1", to: "e.5" })];
    expect(new TextDecoder().decode(messagesOf(frames).sse())).toBe(
      'id: e.1\ndata: {"type":"event","cursor":"e.1","event":{}}\n\n' +
        'id: e.5\ndata: {"type":"gap","from":"e.1","to":"e.5"}\n\n',
    );
  });
});

describe("createRing", () => {
  it("holds the newest items without a hole, within its bounds", () => {
    const item = (offset: number): Item => ({
      offset,
      event: { id: offset, account: "acme", offset, agentId: null, kind: "k", body: "{}" },
      frame: { type: "event", cursor: "", text: "x".repeat(10) },
    });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 400 }), (steps) => {
        const ring = createRing({ events: 50, chars: 400 });
        let expected: number[] = [];
        let offset = 0;
        for (const step of steps) {
          offset += step - 1;
          ring.push(item(offset));
          const last = expected.at(-1);
          if (last !== undefined && offset <= last) continue;
          expected = last !== undefined && offset > last + 1 ? [offset] : [...expected, offset];
          expected = expected.slice(-40);
        }
        expect([ring.first(), ring.last()]).toEqual([expected[0] ?? 0, expected.at(-1) ?? 0]);
        expect(expected.map((one) => ring.at(one)?.offset)).toEqual(expected);
      }),
    );
  });
});
