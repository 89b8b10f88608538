/**
 * Whether a half can work, part by part, as `/readyz` of edge and core says it.
 *
 * @module
 */
import { z } from "zod";

/** One thing a half needs. */
export const ReadinessPart = z.strictObject({
  /** `store`, `bus`, `config`, `disk`, `sources`, or `microapp:<id>`. */
  part: z.string(),
  /** Only `down` keeps the half from being ready. */
  state: z.enum(["ready", "degraded", "down"]),
  /** What is wrong and what to do; null when nothing is. Never a secret. */
  reason: z.string().nullable(),
});
/** See {@linkcode ReadinessPart}. */
export type ReadinessPart = z.infer<typeof ReadinessPart>;

/** The body of `/readyz`. */
export const Readiness = z.strictObject({
  ready: z.boolean(),
  config_version: z.int().nonnegative(),
  parts: z.array(ReadinessPart),
});
/** See {@linkcode Readiness}. */
export type Readiness = z.infer<typeof Readiness>;

/** A half is ready unless a part is down. */
export function readinessOf(configVersion: number, parts: readonly ReadinessPart[]): Readiness {
  return {
    ready: parts.every(({ state }) => state !== "down"),
    config_version: configVersion,
    parts: [...parts],
  };
}

/** A part with nothing to say. */
export function readyPart(part: string): ReadinessPart {
  return { part, state: "ready", reason: null };
}
