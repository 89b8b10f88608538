/**
 * `POST /api/admin`: chosen admin methods of core for the microapp's own pages.
 *
 * @module
 */
import type { Context, Handler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";
import { messageOf, RPC_CODES } from "../../../core/contract/mod.ts";
import { type Admin, AdminError, type AdminErrorKind, type KnownMethod } from "../admin.ts";

/** What pages may call. */
export interface AdminProxyOptions {
  /** Methods by their full or short names, such as `agents/list`. There are none by default. */
  readonly allow: readonly (KnownMethod | (string & Record<never, never>))[];
}

const MAX_BODY_BYTES = 1024 * 1024;
const Call = z.looseObject({ method: z.string(), params: z.unknown().optional() });

const STATUS: Readonly<Record<AdminErrorKind, ContentfulStatusCode>> = {
  not_found: 404,
  invalid_params: 400,
  capability_not_granted: 403,
  transport: 503,
  internal: 500,
};
/** What nexo's own proxy calls them. */
const CODES: Partial<Record<AdminErrorKind, string>> = { transport: "daemon_unreachable" };

const fullName = (method: string): string =>
  method.startsWith("nexo/") ? method : `nexo/admin/${method}`;

/** Handlers for a route: `{method, params}` in, `{ok: true, result}` or `{ok: false, error}` out. */
export function adminProxy(
  admin: Admin,
  { allow }: AdminProxyOptions,
): [limit: Handler, proxy: Handler] {
  const allowed = new Set(allow.map(fullName));
  const refuse = (
    c: Context,
    status: ContentfulStatusCode,
    code: string,
    message: string,
  ) => c.json({ ok: false, error: { code, message } }, status);

  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (c) => refuse(c, 413, "body_too_large", "The call is too large"),
  });

  return [limit, async function proxy(c) {
    const call = Call.safeParse(await c.req.json().catch(() => undefined));
    if (!call.success) {
      return refuse(c, 400, "invalid_params", "The body must be {method, params}");
    }
    const { method, params = {} } = call.data;
    if (!allowed.has(fullName(method))) {
      return refuse(c, 403, "method_not_allowed", `This page may not call "${method}"`);
    }
    try {
      return c.json({ ok: true, result: await admin.call(method, params) });
    } catch (error) {
      const { kind, code } = error instanceof AdminError
        ? error
        : { kind: "internal" as const, code: null };
      const name = code === RPC_CODES.method_not_found ? "method_not_found" : CODES[kind] ?? kind;
      return refuse(c, STATUS[kind], name, messageOf(error));
    }
  }];
}
