/**
 * Files of a built page: only what lies in their directory, kept for ever when their name says so.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { Readable } from "node:stream";
import type { Context, MiddlewareHandler } from "hono";
import { getMimeType } from "hono/utils/mime";

/** Which files, and what else a page needs. */
export interface StaticOptions {
  /** Absolute, or relative to the microapp's own directory. */
  readonly root: string;
  /**
   * What a path without a file gets, for pages that route by themselves; null for a plain 404.
   *
   * @default {"index.html"}
   */
  readonly fallback?: string | null | undefined;
  /** Paths that never get the fallback. @default {["/api"]} */
  readonly except?: readonly string[] | undefined;
}

/** A file that may be sent. */
interface Found {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Bundlers write at least eight of these; a word without digit or capital is no hash. */
const isHashed = /(?:^|\/)assets\/.*[-.](?=[\w-]*[0-9A-Z_])[\w-]{8,}\.\w+$/;
const FOR_EVER = "public, max-age=31536000, immutable";
const ASK_AGAIN = "no-cache";

/**
 * Answers GET and HEAD with files below `root`; whatever is none is for the next route. `basePath` is
 * where the server is for clients of nexo: pages get it as `<base>`, so that their relative links work
 * at any depth.
 */
export function staticFiles(
  { root, fallback = "index.html", except = ["/api"] }: StaticOptions,
  basePath: string,
): MiddlewareHandler {
  let realRoot: Promise<string> | undefined;

  async function find(path: string): Promise<Found | undefined> {
    const names = segmentsOf(path);
    if (names === undefined) return undefined;
    // A build may replace the directory while the microapp runs.
    const base = await (realRoot ??= realpath(root)).catch(() => undefined);
    if (base === undefined) {
      realRoot = undefined;
      return undefined;
    }
    try {
      const real = await realpath(join(base, ...names));
      // A link may lead out of the directory.
      if (!real.startsWith(base + sep)) return undefined;
      const info = await stat(real);
      if (info.isFile()) return { path: real, sizeBytes: info.size, modifiedMs: info.mtimeMs };
    } catch {
      return undefined;
    }
    return undefined;
  }

  return async function files(c, next) {
    if (c.req.method !== "GET" && c.req.method !== "HEAD") return next();
    const { path } = c.req;
    const asked = path.endsWith("/") ? `${path}index.html` : path;
    const found = await find(asked);
    if (found !== undefined) return send(c, found, asked, basePath);
    const isNavigation = extname(path) === "" || c.req.header("accept")?.includes("text/html");
    const isPage = fallback !== null && isNavigation === true &&
      !except.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
    const page = isPage ? await find(`/${fallback}`) : undefined;
    return page === undefined ? next() : send(c, page, `/${fallback ?? ""}`, basePath);
  };
}

/** The parts of a path as file names; undefined when one of them is none. */
function segmentsOf(path: string): string[] | undefined {
  try {
    const names = path.split("/").filter((part) => part !== "").map(decodeURIComponent);
    return names.every(isPublicName) ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Names with a dot first are not for the public, and `..` is one of them. */
function isPublicName(name: string): boolean {
  const isHidden = name.startsWith(".") && name !== ".well-known";
  return !isHidden && !["/", "\\", "\0"].some((char) => name.includes(char));
}

async function send(c: Context, file: Found, asked: string, basePath: string): Promise<Response> {
  const isHtml = extname(file.path) === ".html";
  const isBased = isHtml && c.req.header("x-forwarded-prefix") === basePath;
  const etag = `W/"${file.sizeBytes.toString(36)}-${file.modifiedMs.toString(36)}${
    isBased ? "-b" : ""
  }"`;
  const headers: Record<string, string> = {
    "cache-control": isHashed.test(asked) ? FOR_EVER : ASK_AGAIN,
    "content-type": getMimeType(file.path) ?? "application/octet-stream",
    etag,
    ...(isHtml ? { vary: "x-forwarded-prefix" } : {}),
  };
  if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
  if (isBased) return c.body(withBase(await readFile(file.path, "utf8"), basePath), 200, headers);
  headers["content-length"] = String(file.sizeBytes);
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  const stream = Readable.toWeb(createReadStream(file.path)) as ReadableStream<Uint8Array>;
  return c.body(stream, 200, headers);
}

/** The page with the place its relative links start from, unless it names one itself. */
function withBase(html: string, basePath: string): string {
  if (/<base\s/i.test(html)) return html;
  return html.replace(/<head[^>]*>/i, (head) => `${head}<base href="${basePath}/">`);
}
