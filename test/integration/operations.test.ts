/**
 * What operators see of a real daemon: metrics, readiness, and an event log that ends somewhere.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { Readiness } from "../../core/contract/mod.ts";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { readPrometheus, valueOf } from "../support/prometheus.ts";
import { startNatsServer } from "../support/nats_server.ts";

async function adminUrl(place: DaemonPlace): Promise<string> {
  const file = await readFile(join(place.home, "run/daemon.json"), "utf8");
  return (JSON.parse(file) as { admin_url: string }).admin_url;
}

async function scrape(url: string) {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return readPrometheus(await response.text());
}

async function readiness(url: string): Promise<Readiness & { status: number }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, ...Readiness.parse(await response.json()) };
}

describe("operations of a running daemon", () => {
  it("counts the work, names no tenant until told to, and documents every metric", async () => {
    await using place = await openDaemonPlace();
    const daemon = await place.start();
    await daemon.call("chat", { instance: "acme", text: "note_add buy milk" });
    const core = await adminUrl(place);
    const text = await (await fetch(`${core}/metrics`)).text();
    const families = readPrometheus(text);
    expect(valueOf(families, "nexo_turns_total", { outcome: "ok" })).toBe(1);
    expect(valueOf(families, "nexo_turn_seconds_count", { outcome: "ok" })).toBe(1);
    expect(valueOf(families, "nexo_tool_calls_total", { outcome: "ok" })).toBe(1);
    expect(valueOf(families, "llm_requests_total", { provider: "offline", outcome: "ok" })).toBe(2);
    expect(valueOf(families, "nexo_store_commit_units_count")).toBeGreaterThan(0);
    expect(valueOf(families, "nexo_bus_up")).toBe(1);
    expect(text).not.toMatch(/tenant="|globex/);
    await expect.poll(async () =>
      valueOf(await scrape(core), "nexo_outbox_sends_total", { channel: "webchat", result: "sent" })
    ).toBe(1);

    const edge = await scrape(daemon.edgeUrl);
    expect(valueOf(edge, "nexo_edge_bus_up")).toBe(1);
    const guide = await readFile(join(import.meta.dirname, "../../docs/operate.md"), "utf8");
    const names = [...families.keys(), ...edge.keys()];
    expect(names.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);

    await place.writeConfig(
      "tenants.yaml",
      "tenants: { acme: {}, globex: {} }\nmetrics: { tenant_label: true }\n",
    );
    await daemon.call("reload", {});
    await daemon.call("chat", { instance: "acme", text: "hello" });
    expect(valueOf(await scrape(core), "nexo_turns_total", { tenant: "acme" })).toBe(1);
  });

  it("is ready when its parts are, and says what a refused reload left", async () => {
    await using place = await openDaemonPlace();
    const daemon = await place.start();
    const urls = [await adminUrl(place), daemon.edgeUrl];
    for (const url of urls) {
      await expect.poll(async () => (await readiness(url)).status).toBe(200);
      const { parts } = await readiness(url);
      expect(parts.map(({ part }) => part)).toEqual(
        expect.arrayContaining(["store", "bus", "config", "disk"]),
      );
    }
    await place.writeConfig("tenants.yaml", "tenants:\n  acme: { activ: true }\n");
    await expect(daemon.call("reload", {})).rejects.toThrow();
    for (const url of urls) {
      const { status, parts } = await readiness(url);
      const config = parts.find(({ part }) => part === "config");
      expect([status, config?.state]).toEqual([200, "degraded"]);
      expect(config?.reason).toMatch(/tenants\.yaml:2.*nexo check/);
      expect(config?.reason).not.toContain("acme");
    }
    await place.writeConfig("tenants.yaml", "tenants:\n  acme: {}\n  globex: {}\n");
    await daemon.call("reload", {});
    const { parts } = await readiness(daemon.edgeUrl);
    expect(parts).toContainEqual({ part: "config", state: "ready", reason: null });
  });

  it.each(["node", "deno"] as const)(
    "serves the same from an edge alone on %s",
    async (runtime) => {
      await using nats = await startNatsServer();
      await using place = await openDaemonPlace({
        env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: "a key that only core and its edges know" },
      });
      await place.start("core");
      const edge = await place.startEdge(runtime);
      expect(valueOf(await scrape(edge.url), "nexo_edge_sources")).toBeGreaterThan(0);
      expect((await readiness(edge.url)).status).toBe(200);
      const proxied = await fetch(`${edge.url}/metrics`, {
        headers: { "x-forwarded-for": "127.0.0.1" },
      });
      expect(proxied.status).toBe(401);
    },
  );

  it("trims the event log on the way, through kill -9, and goes on counting", async () => {
    await using place = await openDaemonPlace();
    let daemon = await place.start();
    const db = createClient({ url: `file:${join(place.home, "state/core.db")}` });
    const offsets = async () => {
      const { rows } = await db.execute(
        "SELECT offset FROM agent_events WHERE account_id = 'acme' ORDER BY offset",
      );
      return rows.map((row) => Number(row["offset"]));
    };
    // A chat: the turn's start and end, what both sides said, and that the answer was sent.
    const eventsOf = (chats: number) => chats * 5;
    for (let i = 0; i < 10; i++) {
      await daemon.call("chat", { instance: "acme", text: `hello ${i}` });
    }
    await expect.poll(offsets).toHaveLength(eventsOf(10));
    await daemon.kill();
    await place.writeConfig("transcripts.yaml", "events: { max_rows: 7 }\n");
    daemon = await place.start();
    // While it may be trimming.
    await daemon.kill();
    daemon = await place.start();
    const upTo = (last: number) => Array.from({ length: 7 }, (_, i) => last - 6 + i);
    await expect.poll(offsets).toEqual(upTo(eventsOf(10)));
    await daemon.call("chat", { instance: "acme", text: "one more" });
    await expect.poll(async () => (await offsets()).at(-1)).toBe(eventsOf(11));
    db.close();
    const { chains } = await daemon.call<{ chains: { ok: boolean }[] }>("audit/verify", {});
    expect(chains.every(({ ok }) => ok)).toBe(true);
  });
});
