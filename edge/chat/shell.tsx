/**
 * The chat's page before its script runs.
 *
 * @module
 */
import { renderToString } from "hono/jsx/dom/server";
import { CHAT_FILES, CHAT_TEXT_CHARS, type ChatInstance } from "../../core/contract/mod.ts";
import type { EdgeAssets } from "../assets.ts";

/** The document of an instance; what its script must know lies in a `meta` element. */
export function renderChatShell(
  { instance, title, welcome, max_file_bytes }: ChatInstance,
  { script, style }: EdgeAssets["chat"],
): string {
  const settings = JSON.stringify({
    instance,
    title,
    welcome,
    max_chars: CHAT_TEXT_CHARS,
    max_files: CHAT_FILES,
    max_file_bytes,
  });
  const files = `/chat/${instance}/assets`;
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          name="viewport"
          content="width=device-width, initial-scale=1, interactive-widget=resizes-content"
        />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <meta name="nexo-chat" content={settings} />
        <title>{title ?? "Chat"}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={`${files}/${style.name}`} />
        <script type="module" src={`${files}/${script.name}`} />
      </head>
      <body>
        <div id="chat" />
        <noscript>This chat needs JavaScript.</noscript>
      </body>
    </html>
  );
  return `<!doctype html>${renderToString(page)}`;
}
