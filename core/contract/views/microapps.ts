/**
 * Microapps as operators are shown them.
 *
 * @module
 */

/** One microapp, as `nexo ext status` shows it. */
export interface MicroappView {
  readonly id: string;
  readonly version: string;
  readonly state: string;
  /** Why it is not ready. */
  readonly reason: string | null;
  readonly pid: number | null;
  /** Starts after the first. */
  readonly restarts: number;
  /** How its process is confined; null while none was started. */
  readonly sandbox: string | null;
  /** What the sandbox leaves open, or why it is not a stronger one. */
  readonly sandbox_notes: readonly string[];
  readonly tools: readonly { readonly name: string }[];
  readonly hooks: readonly string[];
  /** Null when it declares no HTTP server. */
  readonly http: {
    readonly url: string;
    readonly state: string;
    readonly reason: string | null;
  } | null;
  /** Names of the capabilities it was given. */
  readonly grants: readonly string[];
  /** Its last lines on stderr, and stray ones on stdout. */
  readonly stderr: readonly string[];
}
