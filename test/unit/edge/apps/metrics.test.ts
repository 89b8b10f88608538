import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type AppsFixture, openApps } from "../../../support/apps.ts";
import { readPrometheus, valueOf } from "../../../support/prometheus.ts";

let place: AppsFixture;
beforeEach(async () => {
  place = await openApps();
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

type Labels = Readonly<Record<string, string>>;

/** What both halves count, once nothing is under way. */
async function counts() {
  while (place.open().edge > 0 || place.open().core > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const edge = readPrometheus(await (await fetch(`${place.url}/metrics`)).text());
  const core = readPrometheus(await place.coreMetrics());
  return {
    edge: (name: string, labels?: Labels) => valueOf(edge, `nexo_edge_apps_${name}`, labels) ?? 0,
    core: (name: string, labels?: Labels) => valueOf(core, `nexo_apps_${name}`, labels) ?? 0,
  };
}

const at = (path: string, init?: RequestInit) => fetch(`${place.url}/apps/${path}`, init);

it("count requests, bodies in both directions, and how long they took", async () => {
  const up = await at("web/upload", { method: "POST", body: "x".repeat(100_000) });
  const answer = await up.text();
  expect((await (await at("web/download?bytes=200000")).arrayBuffer()).byteLength).toBe(200_000);
  const { edge, core } = await counts();
  expect(edge("exchanges_total", { kind: "http", result: "ok" })).toBe(2);
  expect(core("exchanges_total", { microapp: "web", kind: "http", result: "ok" })).toBe(2);
  for (const bytes of [edge, core]) {
    expect(bytes("bytes_total", { way: "in" })).toBe(100_000);
    expect(bytes("bytes_total", { way: "out" })).toBe(200_000 + answer.length);
    expect(bytes("seconds_count", { kind: "http" })).toBe(2);
  }
});

it("count what is under way, and what was broken off", async () => {
  const stop = new AbortController();
  const events = await at("web/events", { signal: stop.signal });
  const reader = events.body?.getReader();
  await reader?.read();
  const now = readPrometheus(await place.coreMetrics());
  expect(valueOf(now, "nexo_apps_open", { microapp: "web" })).toBe(1);
  const edgeNow = readPrometheus(await (await fetch(`${place.url}/metrics`)).text());
  expect(valueOf(edgeNow, "nexo_edge_apps_open")).toBe(1);
  stop.abort();
  await at("web/garbage");
  const { edge, core } = await counts();
  const broken = ["exchange_lost", "microapp_bad_answer"];
  for (const result of broken) {
    const labels = { kind: "http", result };
    expect(edge("exchanges_total", labels)).toBe(1);
    expect(core("exchanges_total", { ...labels, microapp: "web" })).toBe(1);
  }
  expect(edge("open")).toBe(0);
  expect(core("open", { microapp: "web" })).toBe(0);
});

it("count WebSockets apart, and their messages", async () => {
  const ws = new WebSocket(`${place.url.replace("http", "ws")}/apps/web/socket`);
  await once(ws, "open");
  ws.send("hello");
  await once(ws, "message");
  ws.close(1000);
  await once(ws, "close");
  const { edge, core } = await counts();
  expect(edge("exchanges_total", { kind: "socket", result: "ok" })).toBe(1);
  expect(core("exchanges_total", { kind: "socket", result: "ok" })).toBe(1);
  const bytes = (way: string) => core("bytes_total", { way });
  expect([bytes("in"), bytes("out")]).toEqual(["hello".length, "hello!".length]);
});

it("count refusals by their code, and name no microapp that is not there", async () => {
  expect((await at("nothing-of-the-kind/")).status).toBe(404);
  Object.assign(place.access, { access: "token" });
  expect((await at("web/echo")).status).toBe(401);
  Object.assign(place.access, { access: "public", maxExchanges: 0 });
  expect((await at("web/echo")).status).toBe(503);
  const { edge, core } = await counts();
  for (const result of ["not_found", "token_invalid", "microapp_busy"]) {
    expect(edge("exchanges_total", { kind: "http", result })).toBe(1);
    expect(core("exchanges_total", { kind: "http", result })).toBe(1);
  }
  expect(await place.coreMetrics()).not.toContain("nothing-of-the-kind");
});
