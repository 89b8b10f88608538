/**
 * The parser of the broker's clients: every cut, and every kind of nonsense.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ClientOp,
  createClientParser,
  ProtocolFault,
} from "../../../../core/bus/broker_parser.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function readAll(chunks: readonly Uint8Array[], maxPayloadBytes = 1024): ClientOp[] {
  const parser = createClientParser({ maxPayloadBytes });
  return chunks.flatMap((chunk) => [...parser.read(chunk)]);
}

const read = (text: string): ClientOp[] => readAll([bytes(text)]);
const message = { kind: "pub", reply: undefined, headers: {}, data: new Uint8Array() };

describe("createClientParser()", () => {
  it("reads every operation there is", () => {
    const text = [
      'CONNECT {"auth_token":"t","verbose":true,"headers":true,"lang":"go"}\r\n',
      "PING\r\n",
      "pong\r\n",
      "SUB a.* 1\r\n",
      "SUB\ta.>  workers\t2\r\n",
      "UNSUB 1\r\n",
      "UNSUB 2 5\r\n",
      "PUB a.b 0\r\n\r\n",
      "PUB a.b reply.to 5\r\nhe\r\no\r\n",
      "HPUB a.b 30 32\r\nNATS/1.0\r\nName: Val:ue\r\nx:\r\n\r\nhi\r\n",
    ].join("");
    expect(read(text)).toEqual([
      {
        kind: "connect",
        options: {
          auth_token: "t",
          verbose: true,
          echo: true,
          headers: true,
          no_responders: false,
          lang: "go",
        },
      },
      { kind: "ping" },
      { kind: "pong" },
      { kind: "sub", pattern: "a.*", queue: undefined, sid: "1" },
      { kind: "sub", pattern: "a.>", queue: "workers", sid: "2" },
      { kind: "unsub", sid: "1", max: undefined },
      { kind: "unsub", sid: "2", max: 5 },
      { ...message, subject: "a.b" },
      { ...message, subject: "a.b", reply: "reply.to", data: bytes("he\r\no") },
      { ...message, subject: "a.b", headers: { name: "Val:ue", x: "" }, data: bytes("hi") },
    ]);
  });

  it("reads the same operations however they are cut", () => {
    const operation = fc.oneof(
      fc.constantFrom("PING\r\n", "SUB a.b 7\r\n", "UNSUB 7\r\n", "CONNECT {}\r\n").map(bytes),
      fc.uint8Array({ maxLength: 400 }).map((data) =>
        Uint8Array.from([...bytes(`PUB a r ${data.length}\r\n`), ...data, 13, 10])
      ),
    );
    fc.assert(fc.property(
      fc.array(operation, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
      (operations, sizes) => {
        const whole = Uint8Array.from(operations.flatMap((one) => [...one]));
        const chunks: Uint8Array[] = [];
        for (let [at, i] = [0, 0]; at < whole.length; i++) {
          chunks.push(whole.subarray(at, at += sizes[i % sizes.length] ?? 1));
        }
        expect(readAll(chunks)).toEqual(readAll([whole]));
        expect(readAll([whole])).toHaveLength(operations.length);
      },
    ));
  });

  it("gives what came before a fault, and nothing after it", () => {
    const parser = createClientParser({ maxPayloadBytes: 10 });
    const got: ClientOp[] = [];
    expect(() => {
      for (const op of parser.read(bytes("PING\r\nWHAT\r\nPING\r\n"))) got.push(op);
    }).toThrow(ProtocolFault);
    expect(got).toEqual([{ kind: "ping" }]);
    expect(() => [...parser.read(bytes("PING\r\n"))]).toThrow(ProtocolFault);
  });

  it("says what is wrong in the words of nats-server", () => {
    const faults: [string, string][] = [
      ["GET / HTTP/1.1\r\n", "Unknown Protocol Operation"],
      ["PUB a 1025\r\n", "Maximum Payload Violation"],
      ["HPUB a 0 99999\r\n", "Maximum Payload Violation"],
      ["PUB a 99999999999\r\n", "Unknown Protocol Operation"],
      ["PUB a -1\r\n", "Unknown Protocol Operation"],
      ["PUB a b c 1\r\n", "Unknown Protocol Operation"],
      ["PUB 1\r\n", "Invalid Publish Subject"],
      ["PUB a.* 1\r\n", "Invalid Publish Subject"],
      ["PUB a > 1\r\n", "Invalid Publish Subject"],
      ["PUB a 2\r\nabcd", "Unknown Protocol Operation"],
      ["HPUB a 9 4\r\n", "Unknown Protocol Operation"],
      ["HPUB a 4 4\r\nabcd\r\n", "Invalid Headers"],
      ["HPUB a 12 12\r\nNATS/1.0\r\nab\r\n", "Invalid Headers"],
      ["HPUB a 15 15\r\nNATS/1.0\r\n:\r\n\r\n\r\n", "Invalid Headers"],
      ["SUB a..b 1\r\n", "Invalid Subject"],
      ["SUB a\r\n", "Unknown Protocol Operation"],
      [`SUB a ${"9".repeat(65)}\r\n`, "Unknown Protocol Operation"],
      ["SUB a b c d\r\n", "Unknown Protocol Operation"],
      ["UNSUB\r\n", "Unknown Protocol Operation"],
      ["UNSUB 1 x\r\n", "Unknown Protocol Operation"],
      ["CONNECT {\r\n", "Invalid Client Protocol"],
      ['CONNECT {"auth_token":1}\r\n', "Invalid Client Protocol"],
      ["CONNECT []\r\n", "Invalid Client Protocol"],
      ["A".repeat(4097), "Maximum Control Line Exceeded"],
      [`SUB ${"a".repeat(5000)} 1\r\n`, "Maximum Control Line Exceeded"],
    ];
    for (const [text, fault] of faults) {
      expect(() => read(text), text.slice(0, 40)).toThrow(new ProtocolFault(fault));
    }
  });

  it("counts a line's bytes over all its pieces", () => {
    const piece = bytes("A".repeat(1000));
    expect(() => readAll([piece, piece, piece, piece])).not.toThrow();
    expect(() => readAll([piece, piece, piece, piece, piece])).toThrow(ProtocolFault);
  });

  it("reads any bytes, or throws a fault, and never anything else", () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 60 }).map(bytes),
      fc.constantFrom("PUB a 5\r\n", "HPUB a 12 12\r\n", "\r\n", "SUB ", "CONNECT ", "NATS/1.0")
        .map(
          bytes,
        ),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 20 }), (chunks) => {
        try {
          readAll(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolFault);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("lets no header name reach an object's prototype", () => {
    const text = "NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n";
    const [op] = read(`HPUB a ${text.length} ${text.length}\r\n${text}\r\n`);
    if (op?.kind !== "pub") throw new Error("not a message");
    expect(Object.entries(op.headers)).toEqual([["__proto__", "x"], ["constructor", "y"]]);
    expect(Object.getPrototypeOf(op.headers)).toBe(Object.prototype);
  });
});
