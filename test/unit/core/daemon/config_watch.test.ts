import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { watchConfig } from "../../../../core/daemon/config_watch.ts";
import { openConfigPlace } from "../../../support/admin.ts";
import { silentLog } from "../../../support/store.ts";

const agents = (id: string) =>
  `agents:\n  - { id: ${id}, model: { provider: offline, model: rules } }\n`;

async function open() {
  const place = await openConfigPlace({ "agents.yaml": agents("ana") });
  const refused: unknown[] = [];
  const watching = await watchConfig(place.config, {
    log: { ...silentLog, error: (_event, fields) => void refused.push(fields) },
  });
  return {
    ...place,
    refused,
    ids: () => [...place.config.current().agents.keys()].join(),
    /** As a whole: whoever looks meanwhile sees the old file or the new one, never half of it. */
    async saveByRename(name: string, text: string) {
      const file = join(place.configDir, name);
      await writeFile(`${file}~`, text);
      await rename(`${file}~`, file);
    },
    async [Symbol.asyncDispose]() {
      await watching[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

describe("watchConfig()", () => {
  it("H1: sees every save by rename, and files and directories that come later", async () => {
    await using place = await open();
    for (const id of ["one", "two", "three"]) {
      await place.saveByRename("agents.yaml", agents(id));
      await expect.poll(place.ids).toBe(id);
    }
    await place.write("agents.d/more.yaml", agents("four"));
    await expect.poll(place.ids).toBe("three,four");
    await place.write("tenants.yaml", "tenants:\n  acme: {}\n");
    await expect.poll(() => place.config.current().tenants.has("acme")).toBe(true);
  });

  it("H3: keeps what is in force when a file is broken, says where, and takes the mended one", async () => {
    await using place = await open();
    await place.saveByRename("agents.yaml", "agents:\n  - id: [\n");
    await expect.poll(() => place.refused.length).toBe(1);
    expect(JSON.stringify(place.refused)).toMatch(/agents\.yaml:3/);
    expect(place.ids()).toBe("ana");
    await place.saveByRename("agents.yaml", agents("mended"));
    await expect.poll(place.ids).toBe("mended");
  });

  it("takes a save that changes nothing for none", async () => {
    await using place = await open();
    await place.saveByRename("agents.yaml", `# the same\n${agents("ana")}`);
    await place.saveByRename("tenants.yaml", "tenants:\n  acme: {}\n");
    await expect.poll(() => place.config.current().tenants.has("acme")).toBe(true);
    expect(place.config.current().version).toBe(2);
  });
});
