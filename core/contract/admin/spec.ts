/**
 * What the wire says of one admin method, and the words it refuses bad params with.
 *
 * @module
 */
import { z } from "zod";

/** One row of the method table, without the code that does it. */
export interface MethodSpec {
  /** Who may call it. */
  readonly capability: string;
  /** What it takes; `null` and absent count as `{}`. */
  readonly params: z.ZodType;
  /** What it answers. */
  readonly result: z.ZodType;
}

/** Methods by their full names. */
export type MethodTable = Readonly<Record<string, MethodSpec>>;

/** A row of a table, its types kept. */
export function spec<P extends z.ZodType, R extends z.ZodType>(
  capability: string,
  params: P,
  result: R,
): { readonly capability: string; readonly params: P; readonly result: R } {
  return { capability, params, result };
}

/** A text that is refused in the very words `reasonOf` gives; undefined lets it pass. */
export function worded(reasonOf: (text: string) => string | undefined) {
  return z.string().superRefine((text, ctx) => {
    const message = reasonOf(text);
    if (message !== undefined) ctx.addIssue({ code: "custom", message });
  });
}

/** A text that must not be empty, blanks aside. */
export function filled(name: string) {
  return worded((text) => text.trim() === "" ? `${name} is empty` : undefined);
}

/** The id of a tenant or the name of a skill; `name` is what the refusal calls it. */
export function slugged(name: string) {
  return worded((text) => slugProblem(text, name));
}

function slugProblem(text: string, name: string): string | undefined {
  if (text === "") return `${name} is empty`;
  if (text.length > 64) return `${name} longer than 64 chars`;
  if (!/^[a-z0-9]/.test(text)) return `${name} must start with [a-z0-9]`;
  return /^[a-z0-9-]+$/.test(text) ? undefined : `${name} must match [a-z0-9-]`;
}

/** The one tenant a call is about; blank, null and absent mean no one's. */
export const TenantScope = worded((text) =>
  text === "__global__"
    ? "tenant_id `__global__` is reserved for the shared slot"
    : text.trim() === ""
    ? undefined
    : slugProblem(text, "tenant_id")
).nullish().transform((text) => text == null || text.trim() === "" ? undefined : text);

/** The snapshot of the config that holds what was written. */
export const configVersion = { config_version: z.int().positive() };

/** Up to how many; 0 and absent mean `fallback`. */
export function limited(fallback: number, most: number) {
  return z.int().min(0).nullish().transform((limit) =>
    limit == null || limit === 0 ? fallback : Math.min(limit, most)
  );
}
