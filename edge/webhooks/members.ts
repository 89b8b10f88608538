/**
 * Values inside a body, by dotted path or JSON pointer; only a value's own members count.
 *
 * @module
 */

/** Reads one place of a value; undefined when there is nothing. */
export type ReadMember = (value: unknown) => unknown;

/** Compiles a dotted path such as `events.0.type`; digits are places in a list. */
export function compilePath(path: string): ReadMember {
  const steps = path.split(".");
  return (value) => steps.reduce(memberOf, value);
}

/** The own member of an object, or the item of a list. */
export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return /^\d+$/.test(key) ? value[Number(key)] : undefined;
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

/** Compiles a JSON pointer in which `*` stands for every item of a list. */
export function compilePointer(pointer: string): (value: unknown) => readonly unknown[] {
  const steps = pointer.split("/").slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return (value) => {
    let found: readonly unknown[] = [value];
    for (const step of steps) {
      found = step === "*"
        ? found.flatMap((one) => Array.isArray(one) ? one as unknown[] : [])
        : found.map((one) => memberOf(one, step));
    }
    return found;
  };
}
