/**
 * A microapp that may be started, and what an operator says of it in `extensions.yaml`.
 *
 * @module
 */
import type { Grant } from "./grants.ts";
import type { Manifest } from "./manifest.ts";
import type { SandboxWish } from "./sandbox/level.ts";
import type { LimitsConfig } from "./sandbox/limits.ts";

/** What an operator says of one microapp: `extensions.entries.<id>`. */
export interface ExtensionEntry {
  readonly enabled?: boolean | undefined;
  readonly capabilities_grant?: readonly Grant[] | undefined;
  readonly allow_external_bind?: boolean | undefined;
  /** Handed over in `initialize`. */
  readonly config?: unknown;
  /** Limit of one tool call or hook, in seconds. */
  readonly timeout_secs?: number | undefined;
  /** The microapp's directory, or one script; relative to the config directory. */
  readonly path?: string | undefined;
  /** The one tenant it works for; absent: all. */
  readonly tenant_id?: string | undefined;
  /** How far to confine it; absent: what its manifest asks for. */
  readonly sandbox?: SandboxWish | undefined;
  /** Whether a sandbox leaves it the network; absent: what its manifest declares. */
  readonly network?: boolean | undefined;
  /** More that it may read under a sandbox, absolute. */
  readonly read_paths?: readonly string[] | undefined;
  readonly limits?: LimitsConfig | undefined;
}

/** What is read of `extensions.yaml`. */
export interface ExtensionsConfig {
  readonly enabled?: boolean | undefined;
  readonly search_paths?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
  readonly allowlist?: readonly string[] | undefined;
  readonly ignore_dirs?: readonly string[] | undefined;
  readonly max_depth?: number | undefined;
  readonly follow_links?: boolean | undefined;
  readonly entries?: Readonly<Record<string, ExtensionEntry>> | undefined;
}

/** A microapp that was found. */
export interface Candidate {
  readonly id: string;
  /** The directory that holds its `plugin.toml`, absolute; where it is started. */
  readonly root: string;
  readonly manifest: Manifest;
  readonly entry: ExtensionEntry;
  /** Why it is not started, or null. */
  readonly refusal: string | null;
}
