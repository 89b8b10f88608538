/**
 * Bundles the edge's pages into the one file that both its entries load.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { AssetFile, EdgeAssets } from "./assets.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const OUTPUT = at("../dist/edge/assets.json");
const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** Bundles, minifies and names one entry by its content. */
async function bundle(
  entry: string,
  name: string,
  type: string,
  format: "esm" | "iife" = "esm",
): Promise<AssetFile> {
  const { outputFiles } = await build({
    entryPoints: [at(entry)],
    bundle: true,
    minify: true,
    write: false,
    format,
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

const assets: EdgeAssets = {
  console: {
    script: await bundle("./console/page/main.tsx", "console.js", SCRIPT),
    style: await bundle("./console/page/style/mod.css", "console.css", STYLE),
  },
  chat: {
    script: await bundle("./chat/page/main.ts", "chat.js", SCRIPT),
    style: await bundle("./chat/page/style.css", "chat.css", STYLE),
    // Classic, so that it knows which element it came by.
    widget: await bundle("./chat/page/widget.ts", "widget.js", SCRIPT, "iife"),
  },
};
await mkdir(dirname(OUTPUT), { recursive: true });
await writeFile(OUTPUT, JSON.stringify(assets));
