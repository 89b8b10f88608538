/**
 * The page before its script runs.
 *
 * @module
 */
import { renderToString } from "hono/jsx/dom/server";
import type { EdgeAssets } from "../assets.ts";

/** Where the files are. */
export const ASSETS_PATH = "/console/assets";

/** The same document for every address below `/console`; the script reads the address. */
export function renderShell({ script, style }: EdgeAssets["console"]): string {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>nexo console</title>
        <link rel="icon" href={ICON} />
        <link rel="stylesheet" href={`${ASSETS_PATH}/${style.name}`} />
        <script type="module" src={`${ASSETS_PATH}/${script.name}`} />
      </head>
      <body>
        <div id="console" />
        <noscript>
          The console needs JavaScript. The same is on the command line: npx nexo --help
        </noscript>
      </body>
    </html>
  );
  return `<!doctype html>${renderToString(page)}`;
}

const ICON = `data:image/svg+xml,${
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0b6e5f"/>' +
      '<path d="M8 16h5l3-7 4 14 2-7h3" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>',
  )
}`;
