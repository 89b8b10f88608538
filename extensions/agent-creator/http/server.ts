/**
 * The page and its API on the loopback port of the manifest; nexo's edge puts them on the internet.
 *
 * @module
 */
import type { AppContext } from "nexo-microapps/sdk";
import { serveHttp } from "nexo-microapps/sdk/http";
import { inviteOwner } from "../onboarding/owner.ts";
import type { Product } from "../product.ts";
import { createApi } from "./api.ts";

const SESSION_MS = 12 * 3_600_000;
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** The microapp's server; `page` is the directory that `build.ts` writes. */
export function serveProduct(
  product: () => Product,
  { page }: { readonly page: string },
): (context: AppContext) => Promise<AsyncDisposable | Disposable | void> {
  const serve = serveHttp((web, kit) => {
    web.route("/api", createApi(product(), kit));
    web.get("/*", kit.files({ root: page, fallback: null }));
  }, { contentSecurityPolicy: POLICY, sessionTtlMs: SESSION_MS });
  return async function http(context) {
    await inviteOwner(product());
    return serve(context);
  };
}
