/**
 * What `nexo doctor` finds, and the switches of the environment.
 *
 * @module
 */
import type { ToggleRisk } from "../toggles.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly level: "ok" | "warning" | "error";
  /** What was looked at: a source, a microapp, a file. */
  readonly subject: string;
  readonly message: string;
  /** What to do; null when all is well. */
  readonly fix: string | null;
}

/** A finding with the word it stands under. */
export interface AreaFinding extends Finding {
  readonly area: string;
}

/** One variable, in the shape nexo prints. */
export interface ToggleView {
  /** `core`, or the microapp that reads it. */
  readonly extension: string;
  readonly env_var: string;
  readonly kind: "switch" | "number" | "boolean" | "allowlist" | "cargo_feature";
  readonly risk: ToggleRisk;
  /** `unknown` for what was decided when the microapp was built. */
  readonly state: "enabled" | "disabled" | "unknown";
  /** As it is set; null when it is not. */
  readonly raw_value: string | null;
  /** What counts, the default when nothing is set. */
  readonly value: boolean | number | null;
  /** Entries of an allowlist. */
  readonly items_count: number | null;
  readonly effect: string;
  readonly hint: string | null;
}
