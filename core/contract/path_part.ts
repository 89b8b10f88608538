/**
 * Names that become parts of paths.
 *
 * @module
 */
const pathPart = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/;

/** Whether `text` is one part of a path: it has no separator and means no directory of its own. */
export function isPathPart(text: string): boolean {
  return pathPart.test(text);
}
