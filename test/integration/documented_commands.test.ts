/**
 * The commands of the documentation, page by page, as a newcomer types them.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { blocksOf, hasOwnTest, pages, ROOT } from "../support/documented/blocks.ts";
import { type Desk, type Given, openDesk } from "../support/documented/desk.ts";
import { freePort } from "../support/free_port.ts";
import { toolPath } from "../support/provision.ts";

/** What the pages take for granted, beside a clone. */
const GIVEN: Readonly<Record<string, Given>> = {
  "docs/audit.md": { before: { "nexo microapp": "npx nexo dev" } },
  "docs/deploy.md": {
    before: { "NEXO_NATS_URL=ws://$(cat": "unset NEXO_NATS_URL NEXO_EDGE_KEY\nnpx nexo core" },
  },
  "docs/import.md": {
    from: "elsewhere",
    files: { "my-nexo": join(ROOT, "test/fixtures/nexo_home") },
  },
  "docs/models.md": { before: { "nexo usage": "npx nexo dev" } },
  "docs/operate.md": { before: { jq: "npx nexo dev" } },
};

const shown = pages().filter((page) => !hasOwnTest(page))
  .map((page) => ({
    page,
    blocks: blocksOf(page).filter(({ language, mark }) => language === "sh" && mark === ""),
  }))
  .filter(({ blocks }) => blocks.length > 0);

describe("the commands of", () => {
  it("pages that say what they take for granted are there", () => {
    const names = shown.map(({ page }) => page);
    expect(Object.keys(GIVEN).filter((page) => !names.includes(page))).toEqual([]);
    expect(names).toContain("README.md");
  });

  it.each(shown)("$page work", { timeout: 600_000 }, async ({ page, blocks }) => {
    await using desk = await openDesk();
    const given = GIVEN[page] ?? {};
    const needsNats = blocks.some(({ text }) => text.includes("127.0.0.1:8443"));
    await using nats = needsNats ? await startDeployedNats(desk) : undefined;
    const instead = nats === undefined ? {} : { "127.0.0.1:8443": `127.0.0.1:${nats.port}` };
    await desk.run(blocks, { ...given, instead });
  });
});

/** A NATS server as docs/deploy/nats.conf configures it, but for its ports and its directory. */
async function startDeployedNats(desk: Desk): Promise<AsyncDisposable & { readonly port: number }> {
  const [port, client, monitor] = await Promise.all([freePort(), freePort(), freePort()]);
  const config = join(desk.home, "nats.conf");
  const text = (await readFile(join(ROOT, "docs/deploy/nats.conf"), "utf8"))
    .replace(":8443", `:${port}`).replace(":4222", `:${client}`).replace(":8222", `:${monitor}`)
    .replace("/var/lib/nats", join(desk.home, "jetstream"));
  await writeFile(config, text);
  const child = spawn(toolPath("nats-server") ?? "nats-server", ["-c", config], {
    env: { NATS_TOKEN: "token" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const line of createInterface(child.stderr)) {
    if (line.includes("Server is ready")) break;
  }
  child.stderr.resume();
  return {
    port,
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
