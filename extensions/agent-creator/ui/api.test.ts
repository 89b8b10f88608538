import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ask } from "./api.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { baseURI: "http://127.0.0.1/apps/agent-creator/" });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Answers as `answer` says; returns the key of each request. */
function serve(answer: () => Response): string[] {
  const keys: string[] = [];
  vi.stubGlobal("fetch", (_url: URL, { headers }: { headers: Record<string, string> }) => {
    keys.push(headers["idempotency-key"] ?? "");
    return Promise.resolve(answer());
  });
  return keys;
}
const away = () => new Response(null, { status: 503 });
/** The longest that nexo lets a microapp rest which ended too often. */
const REST_MS = 300_000;

describe("ask()", () => {
  it("tries an act under one key until the server is back from its longest rest", async () => {
    const backMs = Date.now() + REST_MS;
    const keys = serve(() => Date.now() < backMs ? away() : Response.json({ done: true }));
    const asked = ask("tenants", { method: "POST", body: {} });
    await vi.advanceTimersByTimeAsync(REST_MS + 1_000);
    expect(await asked).toEqual({ done: true });
    expect(keys.length).toBeGreaterThan(100);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("ends at last, and does not pretend to know whether it was done", async () => {
    serve(away);
    const asked = expect(ask("tenants", { method: "POST", body: {} })).rejects
      .toThrow("Look whether this was done before you do it again");
    await vi.advanceTimersByTimeAsync(2 * REST_MS + 1_000);
    await asked;
  });

  it.each([
    [() => Response.json({ error: "Choose another id" }, { status: 400 }), "Choose another id"],
    [() => new Response("<html>", { status: 500 }), "The server said 500. Try again"],
  ])("says at once what it was refused for, and does not insist", async (answer, text) => {
    const keys = serve(answer);
    await expect(ask("tenants", { method: "POST", body: {} })).rejects.toThrow(text);
    expect(keys).toHaveLength(1);
  });
});
