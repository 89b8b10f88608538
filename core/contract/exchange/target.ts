/**
 * Where a request below `/apps/` leads, and which paths lead nowhere.
 *
 * @module
 */

/** Ids of microapps, as their manifests may have them. */
const isAppId = /^[a-z][a-z0-9_-]{0,63}$/;
const APPS = "/apps/";

/** What the path and query of a request mean. */
export type AppPlace =
  /** A microapp and what it is asked for: path and query, from its own `/` on. */
  | { readonly kind: "app"; readonly id: string; readonly target: string }
  /** A microapp's name without the slash that its relative links need. */
  | { readonly kind: "bare"; readonly location: string }
  /** A path that servers may read in several ways. */
  | { readonly kind: "unsafe" }
  /** Below `/apps`, and no microapp can have that name. */
  | { readonly kind: "nothing" };

/** Where a microapp's own `/` is for a client, without a slash at the end. */
export function basePathOf(id: string): string {
  return `${APPS}${id}`;
}

/** Whether a path is for microapps at all. */
export function isAppsPath(path: string): boolean {
  return path.startsWith(APPS) || path === "/apps";
}

/** Reads the path and query of a request, as they were written, once {@linkcode isAppsPath} says so. */
export function appPlaceOf(pathAndQuery: string): AppPlace {
  const [, id = "", target = ""] = /^\/apps\/([^/?]*)(.*)$/s.exec(pathAndQuery) ?? [];
  if (!isAppId.test(id)) return { kind: "nothing" };
  if (target === "" || target.startsWith("?")) {
    return isSafeTarget(`/${target}`)
      ? { kind: "bare", location: `${basePathOf(id)}/${target}` }
      : { kind: "unsafe" };
  }
  return isSafeTarget(target) ? { kind: "app", id, target } : { kind: "unsafe" };
}

const isVisibleAscii = /^\/[\x21-\x7e]*$/;
const SPACE = 0x20;
const DELETE = 0x7f;
const isBrokenEscape = /%(?![0-9a-fA-F]{2})/;

/**
 * Whether every server reads a target alike: visible ASCII, no backslash or fragment; and no segment
 * of its path that means another directory or hides a control character, also when it is written with
 * escapes or a parameter (`%2e%2e`, `..;x`).
 */
export function isSafeTarget(target: string): boolean {
  if (!isVisibleAscii.test(target) || target.includes("#")) return false;
  const path = target.split("?", 1)[0] ?? "";
  if (isBrokenEscape.test(path)) return false;
  const escaped = Array.from(path.matchAll(/%(..)/g), ([, hex = ""]) => Number.parseInt(hex, 16));
  if (escaped.some((byte) => byte < SPACE || byte === DELETE)) return false;
  const read = path.replaceAll(
    /%(..)/g,
    (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (read.includes("\\")) return false;
  return read.split("/").every((segment) => {
    const name = segment.split(";", 1)[0];
    return name !== "." && name !== "..";
  });
}
