/**
 * Bundles the page into `dist/page`, each file named by its content. The server adds the page's `<base>`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const OUTPUT = at("./dist/page/");

async function bundle(entry: string, extension: "js" | "css"): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [at(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: ["es2022", "chrome111", "firefox113", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "warning",
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`Cannot bundle "${entry}": nothing came out`);
  const hash = createHash("sha256").update(output.contents).digest("hex").slice(0, 12);
  const name = `assets/app-${hash}.${extension}`;
  await writeFile(`${OUTPUT}${name}`, output.contents);
  return name;
}

await rm(OUTPUT, { recursive: true, force: true });
await mkdir(`${OUTPUT}assets`, { recursive: true });
const script = await bundle("./ui/main.tsx", "js");
const style = await bundle("./ui/style.css", "css");
await writeFile(
  `${OUTPUT}index.html`,
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Agent creator</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${style}">
<script type="module" src="${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`,
);
