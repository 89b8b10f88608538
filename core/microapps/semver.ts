/**
 * The little of semantic versions that manifests need.
 *
 * @module
 */

const version = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const comparator = /^(>=|<=|>|<|=|\^|~)?\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-+].*)?$/;

/** Whether `text` is one version, and no range. */
export function isVersion(text: string): boolean {
  return version.test(text);
}

/** Negative when `a` is older than `b`; pre-release tags do not count. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Whether version `own` meets `wanted`: comparators joined by commas or spaces, all of which must
 * hold. A bare version, `^` and `~` ask for that version or a later one.
 *
 * Gives null when either cannot be read.
 */
export function meetsVersion(own: string, wanted: string): boolean | null {
  const mine = version.exec(own)?.slice(1, 4).map(Number);
  const parts = wanted.replaceAll(/(>=|<=|>|<|=|\^|~)\s+/g, "$1").split(/[\s,]+/).filter(Boolean);
  if (mine === undefined || parts.length === 0) return null;
  for (const part of parts) {
    const match = comparator.exec(part);
    if (match === null) return null;
    const order = compare(mine, match.slice(2, 5).map((digits) => Number(digits ?? 0)));
    const holds = { ">": order > 0, "<": order < 0, "<=": order <= 0, "=": order === 0 }[
      match[1] ?? ">="
    ] ?? order >= 0;
    if (!holds) return false;
  }
  return true;
}
