/**
 * What a person sees who opens a microapp's page while it starts: a page that opens it once it is there.
 *
 * @module
 */
import type { HeaderPairs } from "../../core/contract/mod.ts";
import { listOf, type Reply, SECURITY_HEADERS } from "../reply.ts";

/** How soon the page asks again, in milliseconds. */
const AGAIN_MS = 1_000;

/** Whether a browser asks for a page to show; programs get JSON. */
export function isNavigation(
  { method, headers }: { readonly method: string; readonly headers: HeaderPairs },
): boolean {
  return method === "GET" &&
    headers.some(([name, value]) => name.toLowerCase() === "accept" && value.includes("text/html"));
}

/** The page, with the status it stands for. */
export function waitingPage(status: number, requestId: string): Reply {
  return {
    status,
    headers: listOf({
      ...SECURITY_HEADERS,
      "content-security-policy":
        `default-src 'none'; script-src 'nonce-${requestId}'; connect-src 'self'; frame-ancestors 'none'`,
      "content-type": "text/html; charset=utf-8",
      "retry-after": "1",
    }),
    requestId,
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>One moment</title>
</head>
<body>
<main>
<h1>One moment</h1>
<p role="status">This page is starting. It opens by itself.</p>
</main>
<script nonce="${requestId}">
setInterval(() => fetch(location.href).then(({ status }) => {
  if (status < 500) location.reload();
}, () => {}), ${AGAIN_MS});
</script>
</body>
</html>
`,
  };
}
