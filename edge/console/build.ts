/**
 * Bundles the console's page into the one file that both entries of the edge load.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { ConsoleAssets } from "./assets.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const OUTPUT = at("../../dist/edge/console/assets.json");

/** Bundles, minifies and names one entry by its content. */
async function bundle(entry: string, name: string, type: string): Promise<ConsoleAssets["script"]> {
  const { outputFiles } = await build({
    entryPoints: [at(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: ["es2022", "chrome111", "firefox113", "safari16.4"],
    jsx: "automatic",
    // The server's half of hono/jsx would bring code that makes strings.
    jsxImportSource: "hono/jsx/dom",
    legalComments: "none",
    logLevel: "warning",
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`Cannot bundle "${entry}": nothing came out`);
  const { text } = output;
  const hash = createHash("sha256").update(text).digest("base64url").slice(0, 12);
  const [stem, extension] = name.split(".");
  return {
    name: `${stem}-${hash}.${extension}`,
    type,
    text,
    gzip_base64: gzipSync(text, { level: 9 }).toString("base64"),
  };
}

const assets: ConsoleAssets = {
  script: await bundle("./page/main.tsx", "console.js", "text/javascript; charset=utf-8"),
  style: await bundle("./page/style.css", "console.css", "text/css; charset=utf-8"),
};
await mkdir(dirname(OUTPUT), { recursive: true });
await writeFile(OUTPUT, JSON.stringify(assets));
