/**
 * The chat's page, its files, and the script that embeds it elsewhere.
 *
 * Who may embed it is said three times: browsers hold every page off that the policy does not name, the
 * script asks beforehand so that it can say why, and the WebSocket answers our own page only.
 *
 * @module
 */
import { type AssetFile, createAssetServer, type EdgeAssets } from "../assets.ts";
import { jsonResponse, problemResponse } from "../reply.ts";
import type { ChatInstance } from "../../core/contract/mod.ts";
import type { ChatDoor, ChatPlaces } from "./door.ts";
import { ChatProblem } from "./problem.ts";
import { renderChatShell } from "./shell.tsx";

/** What the pages need. */
export interface ChatPageDeps {
  readonly places: ChatPlaces;
  readonly isConfigured: () => boolean;
  readonly door: ChatDoor;
  /** Undefined where they were not built. */
  readonly assets: EdgeAssets["chat"] | undefined;
  readonly uuid: () => string;
}

/** Answers for pages; what fails is thrown as a {@linkcode ChatProblem}. */
export interface ChatPages {
  readonly page: (instance: string, request: Request) => Promise<Response>;
  readonly asset: (instance: string, name: string, request: Request) => Response;
  readonly widget: (instance: string, request: Request) => Response;
  /** Whether a page may embed the chat, told to the page itself. */
  readonly embed: (instance: string, request: Request) => Response;
}

/** The embedding script is looked for anew after so many seconds: its address says nothing of its content. */
const WIDGET_SECS = 300;

/** Builds the answers. */
export function createChatPages(
  { places, isConfigured, door, assets, uuid }: ChatPageDeps,
): ChatPages {
  const server = createAssetServer(assets === undefined ? [] : Object.values(assets));

  function instanceOf(name: string): ChatInstance {
    const found = places.of(name);
    if (found !== undefined) return found;
    if (isConfigured()) throw new ChatProblem(404, "not_found", "No such chat");
    throw new ChatProblem(503, "not_configured", "This edge does not know its chats yet", 2);
  }
  function built(): EdgeAssets["chat"] {
    if (assets !== undefined) return assets;
    const message = "The chat's page was not built; run npm run build, then start again";
    throw new ChatProblem(503, "not_configured", message);
  }
  function fileOf(file: AssetFile, request: Request, headers: Record<string, string>): Response {
    const answer = server.answer(file.name, request, headers);
    if (answer === undefined) throw new ChatProblem(404, "not_found", "There is no such file");
    return answer;
  }

  return {
    async page(name, request) {
      const instance = instanceOf(name);
      const headers = new Headers(pageHeaders(instance));
      if (await door.recognise(name, request) === undefined) {
        headers.append("set-cookie", (await door.welcome(name, request)).setCookie);
      }
      return new Response(renderChatShell(instance, built()), { headers });
    },
    asset(name, file, request) {
      instanceOf(name);
      const answer = server.answer(file, request);
      if (answer === undefined) throw new ChatProblem(404, "not_found", "There is no such file");
      return answer;
    },
    widget(name, request) {
      instanceOf(name);
      return fileOf(built().widget, request, {
        "cache-control": `public, max-age=${WIDGET_SECS}`,
        "cross-origin-resource-policy": "cross-origin",
      });
    },
    embed(name, request) {
      const { title, allowed_origins: allowed } = instanceOf(name);
      const origin = request.headers.get("origin");
      const headers = {
        "access-control-allow-origin": origin ?? "null",
        "vary": "origin",
      };
      if (origin !== null && (allowed.includes(origin) || isOwn(request))) {
        return jsonResponse(JSON.stringify({ title }), { requestId: uuid(), headers });
      }
      const message = "This page's origin is not among the allowed_origins of the chat";
      return problemResponse({ status: 403, code: "origin_refused", message, headers }, uuid());
    },
  };

  function isOwn(request: Request): boolean {
    try {
      door.assertOwnPage(request);
      return true;
    } catch {
      return false;
    }
  }
}

/** No script, style or connection but our own; nothing inline; framed only where it is allowed. */
function pageHeaders({ allowed_origins: allowed }: ChatInstance): Record<string, string> {
  return {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data: blob:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      `frame-ancestors ${["'self'", ...allowed].join(" ")}`,
      "require-trusted-types-for 'script'",
    ].join("; "),
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    // For browsers that do not know `frame-ancestors`, which do not let anybody embed it then.
    "x-frame-options": "SAMEORIGIN",
  };
}
