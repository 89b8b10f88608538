/**
 * What a sandbox leaves open: files and the network.
 *
 * @module
 */
import { sep } from "node:path";

/** Where a microapp's files are; every path is absolute and free of links. */
export interface SandboxPlace {
  /** Its own directory, where it is started. */
  readonly root: string;
  /** The one directory it may write to. */
  readonly stateDir: string;
  /** Directories that it may read, beside its own. */
  readonly readable: readonly string[];
  /** Single files that it may read. */
  readonly readableFiles: readonly string[];
  /** Directories that stay out of sight even inside readable ones. */
  readonly hidden: readonly string[];
  /** Deno's cache while it runs under permissions. */
  readonly cacheDir: string;
}

/** Which network a microapp reaches: none, the port it serves, or all that the host reaches. */
export type NetworkGrant =
  | { readonly kind: "none" }
  | { readonly kind: "port"; readonly address: string }
  | { readonly kind: "host" };

/** Whether `path` is `dir` or lies below it. */
export function isWithin(dir: string, path: string): boolean {
  return path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);
}
