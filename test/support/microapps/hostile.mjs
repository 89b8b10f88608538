// Does what its first argument says once it is called, as badly as it can.
import { spawn } from "node:child_process";
import fs from "node:fs";
import process from "node:process";
import { behave, receive, send, shakeHands } from "./wire.mjs";

const state = process.env.NEXO_EXTENSION_STATE_ROOT;
const write = (text) => void process.stdout.write(text);

const deeds = {
  endlessLine() {
    const more = () => {
      while (process.stdout.write("x".repeat(65536)));
      process.stdout.once("drain", more);
    };
    more();
  },
  invalidUtf8: () => void process.stdout.write(Buffer.from([0xff, 0xfe, 0x80, 0x0a])),
  deepJson: () =>
    write(`{"jsonrpc":"2.0","id":1,"result":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`),
  frameFlood() {
    const frames = Array.from(
      { length: 1000 },
      (_, n) => `{"jsonrpc":"2.0","method":"n${n}","params":{}}\n`,
    )
      .join("");
    const more = () => {
      while (process.stdout.write(frames));
      process.stdout.once("drain", more);
    };
    more();
  },
  forgedIds() {
    // All at once: what comes later may well be the answer to a later call.
    const ids = [-1, 0, 1, 2, 3, "1", null, 1e15, {}, []];
    write(ids.map((id) => `${JSON.stringify({ id, result: { forged: true } })}\n`).join(""));
  },
  closesStdout() {
    process.stdout.on("error", () => {}); // it lives on, mute
    fs.closeSync(1);
  },
  closesStdin() {
    setInterval(() => {}, 1000); // it lives on, deaf
    process.stdin.destroy();
    fs.closeSync(0);
  },
  forkBomb() {
    const code = `setInterval(() => {}, 1000)`;
    for (let n = 0; n < 40; n++) spawn(process.execPath, ["-e", code], { stdio: "ignore" });
  },
  rests: () => undefined,
  forksSome() {
    for (let n = 0; n < 5; n++) spawn("sleep", ["1000"], { stdio: "ignore" });
  },
  leavesItsGroup() {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
      detached: true,
      stdio: "ignore",
    });
    process.stderr.write(`left ${child.pid}\n`);
  },
  fillsDisk() {
    const block = Buffer.alloc(1024 * 1024, 1);
    for (let n = 0; n < 24; n++) fs.writeFileSync(`${state}/fill-${n}`, block);
  },
  fillsOneFile() {
    try {
      fs.writeFileSync(`${state}/large`, Buffer.alloc(24 * 1024 * 1024, 1));
    } catch (error) {
      process.stderr.write(`refused: ${error.code}\n`);
    }
  },
  fillsMemory() {
    const kept = [];
    const more = () => {
      kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
      setTimeout(more, 5);
    };
    more();
  },
  spins() {
    for (;;);
  },
  opensFiles() {
    const open = [];
    try {
      for (let n = 0; n < 4000; n++) open.push(fs.openSync("/dev/null"));
    } catch (error) {
      process.stderr.write(`refused: ${error.code}\n`);
    }
    for (const fd of open) fs.closeSync(fd);
  },
};

const [deed, ...options] = process.argv.slice(2);
if (options.includes("ignores-stdin")) setInterval(() => {}, 1000);
if (options.includes("ignores-sigterm")) process.on("SIGTERM", () => {});
receive((frame) => {
  if (frame.method === "initialize" && deed === "manyTools") {
    shakeHands(frame.id, { tools: Array.from({ length: 10_000 }, (_, n) => `tool_${n}`) });
  } else if (frame.method === "initialize" && deed === "explodingSchema") {
    const definitions = {};
    for (let n = 0; n < 40; n++) {
      const next = { $ref: `#/$defs/d${n + 1}` };
      definitions[`d${n}`] = {
        type: "object",
        properties: { a: next, b: next },
        anyOf: [next, next],
      };
    }
    const schema = { $ref: "#/$defs/d0", $defs: { ...definitions, d40: { type: "string" } } };
    const huge = { type: "object", description: "x".repeat(100_000) };
    const tools = [{ name: "echo", input_schema: schema }, { name: "huge", input_schema: huge }];
    shakeHands(frame.id, { tools });
  } else if (frame.method === "tools/call" && frame.params.name === "bad") {
    process.stderr.write(`about to do ${deed}\n`);
    deeds[deed]();
    send({ id: frame.id, result: { done: deed } });
  } else behave(frame);
});
