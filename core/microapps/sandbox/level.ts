/**
 * How far a microapp is confined: what was asked, what this machine can do, what it comes to.
 *
 * @module
 */
import { CodedError } from "../../contract/mod.ts";
import type { Runtime } from "./runtime.ts";

/** What a manifest or an operator asks for. */
export type SandboxWish = "none" | "auto" | "bwrap";

/** What a microapp gets: namespaces of its own, its runtime's permissions, or nothing. */
export type SandboxLevel = "bwrap" | "permissions" | "none";

/** Whether a helper program can be used, and where it is or why not. */
export type Helper =
  | { readonly path: string; readonly problem: null }
  | { readonly path: null; readonly problem: string };

/** A level, with what people should know about it. */
export interface ChosenLevel {
  readonly level: SandboxLevel;
  readonly notes: readonly string[];
}

/** The first Node whose permission model covers the network. */
const NODE_WITH_NETWORK = 25;

/** The operator's word, else the manifest's, else `none`. */
export function wishOf(
  entry: { readonly sandbox?: SandboxWish | undefined },
  manifest: { readonly sandbox: { readonly level: SandboxWish | null } },
): SandboxWish {
  return entry.sandbox ?? manifest.sandbox.level ?? "none";
}

/**
 * Chooses the level. `auto` takes the best there is; `bwrap` takes nothing less.
 *
 * @throws {CodedError} `sandbox_refused` when `bwrap` is asked for and cannot be had
 */
export function chooseLevel(
  { wish, bwrap, runtime }: {
    readonly wish: SandboxWish;
    readonly bwrap: Helper;
    readonly runtime: Runtime;
  },
): ChosenLevel {
  if (wish === "none") return { level: "none", notes: [] };
  if (bwrap.path !== null) return { level: "bwrap", notes: [] };
  if (wish === "bwrap") {
    throw new CodedError("sandbox_refused", `Cannot confine it with "bwrap": ${bwrap.problem}`);
  }
  const notes = [bwrap.problem];
  if (runtime.kind === "deno") return { level: "permissions", notes };
  if (runtime.kind === "node") {
    notes.push("Node's permissions let it signal other processes of the same user");
    if (runtime.major < NODE_WITH_NETWORK) {
      notes.push(`the permissions of Node ${runtime.major} leave the network open to it`);
    }
    return { level: "permissions", notes };
  }
  return { level: "none", notes: [...notes, "its runtime has no permissions: it is not confined"] };
}

/** Whether this Node's own permissions close the network unless told otherwise. */
export function nodeGuardsNetwork(major: number): boolean {
  return major >= NODE_WITH_NETWORK;
}
