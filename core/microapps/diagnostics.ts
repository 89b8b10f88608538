/**
 * What a search for microapps tells an operator.
 *
 * @module
 */

/** Something an operator should know; errors keep one microapp from starting, never more. */
export interface Diagnostic {
  readonly level: "warn" | "error";
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

/** Takes one more diagnostic. */
export type Report = (
  level: Diagnostic["level"],
  code: string,
  path: string,
  message: string,
) => void;
