/**
 * New code takes over from old code, and no call notices.
 *
 * @module
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  callTool,
  childCandidate,
  isAlive,
  openTestHost,
  type TestHost,
} from "../../support/microapps/host.ts";

let dir = "";
let file = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "nexo-renew-"));
  file = join(dir, "version");
  await writeFile(file, "one");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const candidate = (extra = "") => childCandidate("shop", "versioned.mjs", { args: [file], extra });
const ask = async (app: TestHost, args = {}) => {
  const result = await callTool(app, "shop", "echo", args);
  return result.ok ? result.value : result;
};
const pidOf = ({ host }: TestHost) => host.status()[0]?.pid ?? 0;

/** A host whose child's held calls wait until `release` is called. */
async function openHolding(extra?: string, options: Parameters<typeof openTestHost>[1] = {}) {
  const held: (() => void)[] = [];
  let arrived: () => void = () => {};
  const app = await openTestHost([candidate(extra)], {
    onRequest: () =>
      new Promise((resolve) => {
        held.push(() => resolve(null));
        arrived();
      }),
    ...options,
  });
  await app.host.settled();
  return {
    app,
    release: () => held.splice(0).forEach((answer) => answer()),
    arrival: () => new Promise<void>((resolve) => (arrived = resolve)),
  };
}

describe("renewing a microapp", () => {
  it("answers open calls with the old code and all others with the new", async () => {
    const { app, release, arrival } = await openHolding();
    await using _app = app;
    const old = pidOf(app);
    const isHeld = arrival();
    const open = ask(app, { hold: true });
    await isHeld;
    await writeFile(file, "two");
    await app.host.renew("shop");
    expect(await ask(app)).toBe("two");
    expect(pidOf(app)).not.toBe(old);
    expect(await isAlive(old)).toBe(true);
    release();
    expect(await open).toBe("one");
    await writeFile(file, "three");
    await app.host.renew("shop");
    expect(await ask(app)).toBe("three");
    await app.host.restart("shop");
    await app.host.settled();
    expect(await isAlive(old)).toBe(false);
    expect(await ask(app)).toBe("three");
  });

  it("goes on with the old code when the new does not start, and says why", async () => {
    const { app } = await openHolding();
    await using _app = app;
    const before = pidOf(app);
    await writeFile(file, "broken");
    await expect(app.host.renew("shop")).rejects.toMatchObject({
      code: "microapp_handshake",
      message: expect.stringMatching(/^Cannot renew microapp "shop": .*exited with code 1$/),
    });
    expect(await ask(app)).toBe("one");
    expect(app.host.status()).toMatchObject([{ state: "ready", pid: before, restarts: 0 }]);
    expect(app.host.status()[0]?.stderr.join("\n")).toContain("this code does not start");
    await writeFile(file, "mended");
    await app.host.renew("shop");
    expect(await ask(app)).toBe("mended");
  });

  it("starts afresh what is not running, and what holds a port", async () => {
    await writeFile(file, "broken");
    await using failing = await openTestHost([candidate()], {
      restart: { restarts: 0, windowMs: 60_000, pause: { firstMs: 60_000, maxMs: 60_000 } },
    });
    await failing.host.settled();
    await writeFile(file, "mended");
    await failing.host.renew("shop");
    expect(await ask(failing)).toBe("mended");

    const port = '[capabilities.http_server]\nport = 1\ntoken_env = "T"\n';
    const { app } = await openHolding(port);
    await using _app = app;
    const before = pidOf(app);
    await writeFile(file, "two");
    await app.host.renew("shop");
    expect(await isAlive(before)).toBe(false);
    expect(await ask(app)).toBe("two");
  });

  it("leaves no process when the host ends while calls are open", async () => {
    const { app, arrival } = await openHolding();
    const isHeld = arrival();
    const open = ask(app, { hold: true }).catch((error: unknown) => error);
    await isHeld;
    const old = pidOf(app);
    await app.host.renew("shop");
    const next = pidOf(app);
    await app[Symbol.asyncDispose]();
    expect(await open).toMatchObject({ code: "microapp_exited" });
    expect(await Promise.all([old, next].map(isAlive))).toEqual([false, false]);
  });

  it("refuses a microapp that is not there", async () => {
    const { app } = await openHolding();
    await using _app = app;
    await expect(app.host.renew("nobody")).rejects.toMatchObject({ code: "not_found" });
  });
});
