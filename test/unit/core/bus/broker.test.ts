/**
 * The embedded broker: who may in, what each may use, and how it meets the local bus.
 *
 * @module
 */
import { createServer } from "node:http";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  type BrokerOptions,
  DEFAULT_BROKER_PORT,
  openBroker,
} from "../../../../core/bus/broker.ts";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { openNatsBus } from "../../../../core/bus/nats.ts";
import { CodedError } from "../../../../core/contract/mod.ts";
import { freePort } from "../../../support/free_port.ts";
import { createLogWatch } from "../../../support/log_watch.ts";
import { collector } from "../../../suites/bus.ts";

const token = "t".repeat(40);
const none = new Uint8Array();
const coded = (code: string) => expect.objectContaining({ name: "CodedError", code }) as unknown;

/** A broker in front of a local bus of its own. */
async function openFixture(options: Partial<BrokerOptions> = {}) {
  const log = createLogWatch();
  const bus = openLocalBus();
  const broker = await openBroker({ router: bus.router, token, port: 0, log, ...options });
  return {
    bus,
    broker,
    log,
    connect: (auth = token) =>
      openNatsBus({ url: broker.url, auth: { token: auth }, name: "test", now: Date.now, log }),
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

/** A client that speaks the protocol by hand. */
async function speak(url: string, options: object | null = {}, origin?: string) {
  const socket = new WebSocket(url, origin === undefined ? {} : { origin });
  let heard = "";
  let waiters: (() => void)[] = [];
  const wake = (): void => {
    for (const waiter of waiters) waiter();
  };
  let isClosed = false;
  socket.on("message", (data: Buffer) => {
    heard += data.toString();
    wake();
  });
  socket.on("close", () => {
    isClosed = true;
    wake();
  });
  socket.on("error", () => undefined);
  const until = (done: () => boolean): Promise<string> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!done()) return;
        waiters = waiters.filter((waiter) => waiter !== check);
        resolve(heard);
      };
      waiters.push(check);
      check();
    });
  const client = {
    socket,
    say: (text: string) => socket.send(text),
    /** All that was heard, once it holds `text`. */
    hears: (text: string) => until(() => heard.includes(text)),
    /** All that was heard, once the broker hung up. */
    cut: () => until(() => isClosed),
    [Symbol.dispose]: () => socket.terminate(),
  };
  await until(() => isClosed || heard.includes("INFO"));
  if (options !== null && !isClosed) {
    client.say(`CONNECT ${JSON.stringify({ auth_token: token, ...options })}\r\nPING\r\n`);
    await until(() => isClosed || heard.includes("PONG"));
  }
  return client;
}

describe("the door of the broker", () => {
  it("tells a client what it needs to know, and nothing more", async () => {
    await using fixture = await openFixture({ maxPayloadBytes: 4096 });
    using client = await speak(fixture.broker.url, null);
    const info = JSON.parse((await client.hears("\r\n")).slice(5)) as Record<string, unknown>;
    expect(info).toMatchObject({
      headers: true,
      auth_required: true,
      max_payload: 4096,
      proto: 1,
      port: fixture.broker.port,
    });
    expect(JSON.stringify(info)).not.toContain(token);
  });

  it("refuses a wrong token, no token, and whoever acts before signing in", async () => {
    await using fixture = await openFixture();
    for (const auth_token of ["", "t", `${token}t`, undefined]) {
      using client = await speak(fixture.broker.url, { auth_token });
      expect(await client.cut()).toContain("-ERR 'Authorization Violation'");
    }
    for (const text of ["SUB > 1\r\n", "PUB a 0\r\n\r\n", "UNSUB 1\r\n"]) {
      using client = await speak(fixture.broker.url, null);
      client.say(text);
      expect(await client.cut()).toContain("-ERR 'Authorization Violation'");
    }
    await expect(fixture.connect("wrong")).rejects.toEqual(coded("bus_unauthorized"));
  });

  it("cuts a client that does not sign in", async () => {
    await using fixture = await openFixture({ signInLimitMs: 20 });
    using silent = await speak(fixture.broker.url, null);
    expect(await silent.cut()).toContain("-ERR 'Authentication Timeout'");
  });

  it("refuses web pages, except those it was told of", async () => {
    await using fixture = await openFixture({ allowedOrigins: ["https://console.example"] });
    for (const origin of ["https://evil.example", "null", "https://console.example.evil.example"]) {
      using page = await speak(fixture.broker.url, {}, origin);
      expect(await page.cut()).toBe("");
    }
    using known = await speak(fixture.broker.url, {}, "https://console.example");
    await known.hears("PONG");
  });

  it("takes so many clients and no more, until one leaves", async () => {
    await using fixture = await openFixture({ maxConnections: 2 });
    using first = await speak(fixture.broker.url);
    using _second = await speak(fixture.broker.url);
    using third = await speak(fixture.broker.url);
    expect(await third.cut()).toBe("");
    first.socket.close();
    await first.cut();
    using fourth = await speak(fixture.broker.url);
    await fourth.hears("PONG");
  });

  it("answers other requests with 426", async () => {
    await using fixture = await openFixture();
    const response = await fetch(fixture.broker.url.replace("ws:", "http:"));
    expect(response.status).toBe(426);
  });

  it("moves from the default port when that is taken, and from no other", async () => {
    const blocker = createServer().listen(DEFAULT_BROKER_PORT, "127.0.0.1");
    // Somebody else may hold the port already, which is as good.
    await once(blocker, "listening").catch((error: unknown) => {
      expect(error).toMatchObject({ code: "EADDRINUSE" });
    });
    try {
      await using moved = await openFixture({ port: undefined });
      expect(moved.broker.port).not.toBe(DEFAULT_BROKER_PORT);
      await expect(openFixture({ port: moved.broker.port })).rejects.toEqual(coded("port_in_use"));
    } finally {
      blocker.close();
    }
  });
});

describe("the bounds of the broker", () => {
  it("cuts a client whose message is too large, before it arrives", async () => {
    await using fixture = await openFixture({ maxPayloadBytes: 100 });
    using client = await speak(fixture.broker.url);
    client.say("PUB a 101\r\n");
    expect(await client.cut()).toContain("-ERR 'Maximum Payload Violation'");
  });

  it("cuts a client that subscribes too often", async () => {
    await using fixture = await openFixture({ maxSubscriptions: 2 });
    using client = await speak(fixture.broker.url);
    client.say("SUB a 1\r\nSUB b 2\r\nUNSUB 1\r\nSUB c 3\r\nSUB c 3\r\nPING\r\n");
    await client.hears("PONG\r\nPONG");
    client.say("SUB d 4\r\n");
    expect(await client.cut()).toContain("-ERR 'Maximum Subscriptions Exceeded'");
  });

  it("cuts a client that breaks the protocol, with the reason", async () => {
    await using fixture = await openFixture();
    using client = await speak(fixture.broker.url);
    client.say("HELLO\r\n");
    expect(await client.cut()).toContain("-ERR 'Unknown Protocol Operation'");
  });

  it("cuts a client that reads too slowly, and goes on with the others", async () => {
    await using fixture = await openFixture({ maxBufferedBytes: 256 * 1024 });
    using slow = await speak(fixture.broker.url);
    using quick = await speak(fixture.broker.url);
    for (const client of [slow, quick]) client.say("SUB big.* 1\r\nSUB end 2\r\nPING\r\n");
    await Promise.all([slow, quick].map((client) => client.hears("PONG\r\nPONG")));
    slow.socket.pause();
    let isCut = false;
    const cut = fixture.log.until("broker.slow_client").then(() => isCut = true);
    for (let n = 0; n < 2000 && !isCut; n++) {
      fixture.bus.publish("big.1", new Uint8Array(64 * 1024));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await cut;
    fixture.bus.publish("end", none);
    await quick.hears("MSG end 2 0");
  });

  it("cuts a client that shows no sign of life", async () => {
    await using fixture = await openFixture({ pingEveryMs: 100 });
    using dead = await speak(fixture.broker.url);
    expect(await dead.cut()).toContain("-ERR 'Stale Connection'");
    using alive = await speak(fixture.broker.url);
    alive.socket.on("message", (data: Buffer) => {
      if (data.toString().includes("PING")) alive.say("PONG\r\n");
    });
    const heard = await alive.hears("PING\r\nPING\r\nPING\r\nPING\r\nPING\r\n");
    expect(heard).not.toContain("-ERR");
  });

  it("takes bursts that are more than a local subscriber holds at once", async () => {
    await using fixture = await openFixture();
    const heard = collector();
    fixture.bus.subscribe("burst", {}, heard.hear);
    using client = await speak(fixture.broker.url);
    client.say("PUB burst 1\r\nx\r\n".repeat(5000));
    await heard.until(5000);
    expect(fixture.log.lines.map(({ event }) => event)).not.toContain("broker.overflow");
  });
});

describe("the protocol of the broker", () => {
  it("acknowledges every operation to those who want that", async () => {
    await using fixture = await openFixture();
    using client = await speak(fixture.broker.url, { verbose: true });
    client.say("SUB a 1\r\nPUB a 1\r\nx\r\nUNSUB 1\r\nPING\r\n");
    expect(await client.hears("PONG\r\n+OK\r\n+OK\r\n+OK\r\nMSG a 1 1\r\nx\r\nPONG")).toMatch(
      /^INFO/,
    );
  });

  it("sends headers only to those who read them", async () => {
    await using fixture = await openFixture();
    using plain = await speak(fixture.broker.url);
    using rich = await speak(fixture.broker.url, { headers: true });
    for (const client of [plain, rich]) client.say("SUB a 1\r\nPING\r\n");
    await Promise.all([plain, rich].map((client) => client.hears("PONG\r\nPONG")));
    fixture.bus.publish("a", new TextEncoder().encode("x"), { Name: "é" });
    expect(await plain.hears("x\r\n")).toContain("MSG a 1 1\r\nx\r\n");
    expect(await rich.hears("x\r\n")).toContain(
      "HMSG a 1 22 23\r\nNATS/1.0\r\nname: é\r\n\r\nx\r\n",
    );
  });

  it("ends a subscription after as many messages as were asked for", async () => {
    await using fixture = await openFixture();
    using client = await speak(fixture.broker.url);
    client.say(
      `SUB a 1\r\nUNSUB 1 2\r\nSUB end 2\r\n${"PUB a 0\r\n\r\n".repeat(4)}PUB end 0\r\n\r\n`,
    );
    const heard = await client.hears("MSG end 2 0");
    expect(heard.split("MSG a 1 0")).toHaveLength(3);
    client.say("SUB a 3\r\nPUB a 0\r\n\r\nPUB a 0\r\n\r\nUNSUB 3 1\r\nPUB end 0\r\n\r\n");
    await client.hears("MSG a 3 0");
  });

  it("spares a client its own messages when it asks for that", async () => {
    await using fixture = await openFixture();
    using deaf = await speak(fixture.broker.url, { echo: false });
    using other = await speak(fixture.broker.url);
    for (const client of [deaf, other]) client.say("SUB a 1\r\nPING\r\n");
    await Promise.all([deaf, other].map((client) => client.hears("PONG\r\nPONG")));
    deaf.say("PUB a 4\r\nmine\r\n");
    await other.hears("mine");
    other.say("PUB a 6\r\ntheirs\r\n");
    expect(await deaf.hears("theirs")).not.toContain("mine");
  });

  it("tells only those who want to know that nobody answers", async () => {
    await using fixture = await openFixture();
    using keen = await speak(fixture.broker.url, { headers: true, no_responders: true });
    using calm = await speak(fixture.broker.url, { headers: true });
    for (const client of [keen, calm]) client.say("SUB in.* 1\r\nPUB gone in.1 0\r\n\r\nPING\r\n");
    const told = await keen.hears("PONG\r\nPONG".slice(6));
    expect(told + await keen.hears("503")).toContain(
      "HMSG in.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
    );
    expect(await calm.hears("PONG")).not.toContain("503");
  });
});

describe("clients and the local bus", () => {
  it("answer each other's questions, with errors and all", async () => {
    await using fixture = await openFixture();
    await using remote = await fixture.connect();
    const echo = ({ data }: { data: Uint8Array }) => Promise.resolve(data);
    const fails = () => Promise.reject(new CodedError("not_found", "Cannot find it"));
    fixture.bus.respond("core.echo", {}, echo);
    fixture.bus.respond("core.fails", {}, fails);
    remote.respond("edge.echo", {}, echo);
    remote.respond("edge.fails", {}, fails);
    const body = Uint8Array.of(1, 2, 3);
    expect((await remote.request("core.echo", body)).data).toEqual(body);
    await expect(remote.request("core.fails", body)).rejects.toThrow("Cannot find it");
    expect((await fixture.bus.request("edge.echo", body)).data).toEqual(body);
    await expect(fixture.bus.request("edge.fails", body)).rejects.toEqual(coded("not_found"));
    await expect(remote.request("core.nobody", body)).rejects.toEqual(coded("bus_no_responder"));
  });

  it("hear what the others publish", async () => {
    await using fixture = await openFixture();
    await using left = await fixture.connect();
    await using right = await fixture.connect();
    const [atLeft, atCore] = [collector(), collector()];
    left.subscribe("a.>", {}, atLeft.hear);
    fixture.bus.subscribe("a.>", {}, atCore.hear);
    left.respond("ready", {}, () => Promise.resolve(none));
    await right.request("ready", none);
    right.publish("a.1", none, { Who: "right" });
    fixture.bus.publish("a.2", none);
    expect((await atLeft.until(2)).map(({ subject }) => subject).sort()).toEqual(["a.1", "a.2"]);
    expect((await atCore.until(2)).find(({ subject }) => subject === "a.1")?.headers).toEqual({
      who: "right",
    });
  });

  it("do not wait for a client that vanished", async () => {
    await using fixture = await openFixture();
    using client = await speak(fixture.broker.url);
    client.say("SUB gone q 1\r\nPING\r\n");
    await client.hears("PONG\r\nPONG");
    const asked = fixture.bus.request("gone", none, { timeoutMs: 3_600_000 });
    asked.catch(() => undefined);
    await client.hears("MSG gone 1 _INBOX");
    client.socket.terminate();
    await client.cut();
    // The broker hears of the end a moment later than the client.
    let code: unknown;
    do {
      const answer = fixture.bus.request("gone", none, { timeoutMs: 50 });
      code = await answer.catch((error: unknown) => (error as CodedError).code);
    } while (code !== "bus_no_responder");
  });

  it("find the broker again when it comes back on its port", async () => {
    const bus = openLocalBus();
    const log = createLogWatch();
    const port = await freePort();
    const first = await openBroker({ router: bus.router, token, port, log });
    const { url } = first;
    await using remote = await openNatsBus({ url, auth: { token }, name: "x", now: Date.now, log });
    const heard = collector();
    remote.subscribe("a", {}, heard.hear);
    await first[Symbol.asyncDispose]();
    await log.until("bus.lost");
    await using _second = await openBroker({ router: bus.router, token, port, log });
    await log.until("bus.reconnected");
    remote.publish("a", none);
    await heard.until(1);
  });
});
