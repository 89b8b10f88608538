/**
 * The small template language of event subscribers: `{{path.to.value}}`, and nothing else.
 *
 * @module
 */

/** What a template may name. */
export interface TemplateRoots {
  /** The event's parsed JSON; its members are the roots of paths. */
  readonly payload: unknown;
  /** The bus subject: `{{subject}}`, and by token from 0, `{{subject.3}}`. No payload hides it. */
  readonly subject: string;
}

/** How values are put in. */
export interface TemplateOptions {
  /** What becomes of each value, for example `untrusted()`; neither literal text nor `<missing>` pass here. */
  readonly mark?: ((value: string) => string) | undefined;
}

/** Stands where a path leads to nothing, `null`, an object or an array. */
export const MISSING = "<missing>";

/**
 * `template` with its paths replaced.
 *
 * Segments are split on `.`; objects are entered by own members, arrays by index. Numbers and booleans
 * print as in JSON. A blank path and an unclosed brace stay as they are. Never throws; linear.
 */
export function renderTemplate(
  template: string,
  roots: TemplateRoots,
  { mark = (value) => value }: TemplateOptions = {},
): string {
  let text = "";
  let at = 0;
  for (;;) {
    const open = template.indexOf("{{", at);
    const close = open < 0 ? -1 : template.indexOf("}}", open + 2);
    if (close < 0) return text + template.slice(at);
    text += template.slice(at, open);
    const path = template.slice(open + 2, close).trim();
    if (path === "") text += template.slice(open, close + 2);
    else {
      const value = printed(valueAt(path.split("."), roots));
      text += value === undefined ? MISSING : mark(value);
    }
    at = close + 2;
  }
}

function valueAt(path: readonly string[], { payload, subject }: TemplateRoots): unknown {
  const [root, ...rest] = path;
  if (root !== "subject") return walk(payload, path);
  return rest.length === 0 ? subject : walk(subject.split("."), rest);
}

function walk(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (const segment of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) {
      return undefined;
    }
    // An array's own members are its items and `length`, which is none.
    if (Array.isArray(value) && !/^\d+$/.test(segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

function printed(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
