/**
 * What the main thread and the verifying thread say to each other.
 *
 * @module
 */
import type { ErrorCode } from "../contract/mod.ts";
import type { ChainQuery, ChainReport } from "./chain.ts";

/** Chains to walk, one after another. */
export type VerifyCall = readonly ChainQuery[];

/** How far it has come, and at last what was found. */
export type VerifyReply =
  | { readonly rows: number }
  | { readonly reports: readonly ChainReport[] }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };
