/**
 * Parts of a request's URL, as they were written: no parser changes what was signed.
 *
 * @module
 */

/** The path of an absolute URL, as it was written. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  for (let i = start; i < url.length; i++) {
    const char = url[i];
    if (char === "?" || char === "#") return url.slice(start, i);
  }
  return url.slice(start);
}

/** From `?` on; empty without one. */
export function queryOf(url: string): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at);
}
