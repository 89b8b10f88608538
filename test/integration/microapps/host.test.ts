/**
 * A host with real children.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import {
  callTool,
  childCandidate,
  isAlive,
  openTestHost,
  testMeta,
} from "../../support/microapps/host.ts";

describe("a host", () => {
  it("starts a microapp, calls its tools and stops it without leaving a process", async () => {
    let pid: number | null = null;
    {
      await using app = await openTestHost([childCandidate("good", "good.mjs")]);
      await app.host.settled();
      const [status] = app.host.status();
      expect(status).toMatchObject({ id: "good", state: "ready", restarts: 0, version: "1.0.0" });
      pid = status?.pid ?? null;
      const result = await callTool(app, "good", "echo", { a: 1, _meta: { agent_id: "spoofed" } });
      expect(result.ok && result.value).toEqual({
        name: "echo",
        arguments: { a: 1, _meta: testMeta() },
        tool: "echo",
        args: { a: 1 },
        binding_context: testMeta().nexo?.binding,
        inbound: testMeta().nexo?.inbound,
      });
    }
    expect(pid).not.toBeNull();
    expect(await isAlive(pid ?? 0)).toBe(false);
  });
});
