/**
 * The pages of docs/providers: their sources are configured as written, and their commands are run.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { PRESET_NAMES } from "../../core/contract/mod.ts";
import { openDaemonPlace } from "../support/daemon.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PAGES = join(ROOT, "docs/providers");
const TOKEN = "a token that was chosen";

interface Page {
  readonly preset: string;
  /** The fields of the page's source, as written. */
  readonly source: unknown;
  /** Commands, each with the output the page shows. */
  readonly commands: readonly { readonly command: string; readonly output: string }[];
}

function readPage(preset: string, markdown: string): Page {
  const yaml = /```yaml\n(# webhook_receiver.yaml\nsources:[^]*?)```/.exec(markdown)?.[1] ?? "";
  const [source] = (parse(yaml) as { sources: unknown[] }).sources;
  const shown = Array.from(markdown.matchAll(/```sh\n([^]*?)```\n\n```text\n([^]*?)```/g));
  return {
    preset,
    source,
    commands: shown.map(([, command = "", output = ""]) => ({ command, output: output.trim() })),
  };
}

async function readPages(): Promise<Page[]> {
  const files = (await readdir(PAGES)).filter((file) => file !== "README.md");
  return Promise.all(files.map(async (file) => {
    const markdown = await readFile(join(PAGES, file), "utf8");
    expect(markdown.match(/```sh/g)).toHaveLength(markdown.match(/```text/g)?.length ?? 0);
    return readPage(file.replace(/\.md$/, ""), markdown);
  }));
}

it("says of every provider what is true", async () => {
  const pages = await readPages();
  expect(pages.map(({ preset }) => preset).sort()).toEqual([...PRESET_NAMES].sort());
  // The only secret that is set: `nexo dev` makes the others.
  await using place = await openDaemonPlace({ env: { META_APP_SECRET_VERIFY_TOKEN: TOKEN } });
  const sources = pages.map(({ source }) => source);
  await place.writeConfig("webhook_receiver.yaml", stringify({ enabled: true, sources }));
  const daemon = await place.start();

  const bin = join(place.home, "bin");
  await mkdir(bin, { recursive: true });
  const main = join(ROOT, "dist/core/main.js");
  await writeFile(join(bin, "nexo"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  await chmod(join(bin, "nexo"), 0o755);
  const env = { ...place.env, PATH: `${bin}:${place.env["PATH"] ?? ""}` };

  for (const { preset, commands } of pages) {
    expect(commands.length, preset).toBeGreaterThan(0);
    for (const { command, output } of commands) {
      const local = (text: string) => text.replaceAll("http://127.0.0.1:8787", daemon.edgeUrl);
      const { stdout } = await promisify(execFile)("sh", ["-ec", local(command)], { env });
      expect(stdout, command).toContain(local(output));
    }
  }
  const { deliveries } = await daemon.call<{ deliveries: { source_id: string }[] }>("inbox/list");
  expect(new Set(deliveries.map(({ source_id: id }) => id))).toEqual(new Set(PRESET_NAMES));
  expect(await daemon.stop()).toBe(0);
});
