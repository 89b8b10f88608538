/**
 * Watching code: what counts as a change, and of what.
 *
 * @module
 */
import { mkdir, mkdtemp, realpath, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openCodeWatch } from "../../../../core/daemon/code_watch.ts";
import type { Candidate } from "../../../../core/microapps/candidate.ts";
import { discoverMicroapps } from "../../../../core/microapps/discovery.ts";
import { silentLog } from "../../../support/store.ts";

let dir = "";
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "nexo-code-")));
  await write("shop/plugin.toml", manifest("shop", "dist/main.js"));
  await write("shop/dist/main.js", "1");
  await write("till/plugin.toml", manifest("till", "main.js"));
  await write("till/main.js", "1");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), text);
}

const manifest = (id: string, file: string, version = "1.0.0") =>
  `[plugin]\nid = "${id}"\nversion = "${version}"\n[capabilities]\ntools = ["t"]\n` +
  `[transport]\nkind = "stdio"\ncommand = "node"\nargs = ["${file}"]\n`;

async function open() {
  const renewed: string[] = [];
  const errors: unknown[] = [];
  let refreshed = 0;
  let renew = (_id: string): Promise<void> => Promise.resolve();
  const find = async (): Promise<readonly Candidate[]> => {
    const config = { search_paths: ["."] };
    const deps = { config, configDir: dir, env: process.env, agentVersion: "0.1.5" };
    return (await discoverMicroapps(deps)).candidates;
  };
  const code = openCodeWatch({
    host: {
      renew(id) {
        renewed.push(id);
        return renew(id);
      },
    },
    async refresh() {
      refreshed += 1;
      const found = await find();
      code.follow(found);
      return found;
    },
    log: { ...silentLog, error: (event, fields) => void errors.push([event, fields]) },
  });
  code.follow(await find());
  return {
    code,
    renewed,
    errors,
    refreshes: () => refreshed,
    whenRenewed: (next: typeof renew) => void (renew = next),
    [Symbol.asyncDispose]: () => code[Symbol.asyncDispose](),
  };
}

/** Saves until it is noticed: a watch that has just begun may miss the first save. */
async function saveUntil(save: (n: number) => Promise<void>, noticed: () => boolean) {
  let n = 0;
  await expect.poll(async () => {
    n += 1;
    if (!noticed()) await save(n);
    return noticed();
  }, { interval: 400 }).toBe(true);
}

describe("openCodeWatch()", () => {
  it("renews the microapp whose code has changed, and no other", async () => {
    await using place = await open();
    await saveUntil(
      (n) => write("shop/dist/main.js", `new ${n}`),
      () => place.renewed.length > 0,
    );
    expect(new Set(place.renewed)).toEqual(new Set(["shop"]));
    await rm(join(dir, "shop/dist"), { recursive: true });
    const before = place.renewed.length;
    await saveUntil(
      (n) => write("shop/dist/main.js", `built anew ${n}`),
      () => place.renewed.length > before,
    );
    expect(new Set(place.renewed)).toEqual(new Set(["shop"]));
  });

  it("takes what only looks like a change for none", async () => {
    await using place = await open();
    await write("till/node_modules/x/index.js", "2");
    await write("till/state/notes", "2");
    await write("shop/main.ts", "not what runs");
    await utimes(join(dir, "till/main.js"), new Date(), new Date());
    await saveUntil((n) => write("shop/dist/b.js", `${n}`), () => place.renewed.includes("shop"));
    expect(place.renewed).not.toContain("till");
  });

  it("leaves a changed manifest to the search, which knows what it means", async () => {
    await using place = await open();
    await saveUntil(
      (n) => write("till/plugin.toml", manifest("till", "main.js", `1.0.${n}`)),
      () => place.refreshes() > 0,
    );
    await saveUntil((n) => write("shop/dist/b.js", `${n}`), () => place.renewed.includes("shop"));
    expect(place.renewed).not.toContain("till");
  });

  it("says when new code does not start, and tries the next", async () => {
    await using place = await open();
    place.whenRenewed(() => Promise.reject(new Error("it exited with code 1")));
    await saveUntil((n) => write("till/main.js", `bad ${n}`), () => place.errors.length > 0);
    expect(place.errors[0]).toEqual([
      "microapp.not_renewed",
      { microapp: "till", error: "it exited with code 1" },
    ]);
    place.whenRenewed(() => Promise.resolve());
    const before = place.renewed.length;
    await saveUntil((n) => write("till/main.js", `good ${n}`), () => place.renewed.length > before);
  });

  it("follows what comes and forgets what goes", async () => {
    await using place = await open();
    place.code.follow([]);
    await write("till/main.js", "unseen");
    await write("late/plugin.toml", manifest("late", "main.js"));
    await write("late/main.js", "1");
    const config = { search_paths: ["late"] };
    const deps = { config, configDir: dir, env: process.env, agentVersion: "0.1.5" };
    place.code.follow((await discoverMicroapps(deps)).candidates);
    await saveUntil((n) => write("late/main.js", `${n}`), () => place.renewed.includes("late"));
    expect(place.renewed).not.toContain("till");
  });
});
