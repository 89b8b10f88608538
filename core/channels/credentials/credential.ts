/**
 * What a channel says about its credentials: whether one fits, what its file then says, whether it works.
 *
 * @module
 */
import type { CredentialValidation } from "../../contract/admin/credentials.ts";

/** A credential as it was given. */
export interface GivenCredential {
  readonly payload: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Where a channel's lines are listed. */
export interface PluginPlace {
  /** The file below the config directory, for example `plugins/telegram.yaml`. */
  readonly file: string;
  /** Keys from the top of the file to the list. */
  readonly path: readonly [string, ...string[]];
  /** Fields of an entry that a registered credential replaces: secrets, in the clear. */
  readonly secrets: readonly string[];
}

/** How a probe reaches the provider. */
export interface ProbeDeps {
  readonly fetch: typeof fetch;
  /** Base address of the provider's API when the line has one of its own. */
  readonly apiRoot: string | undefined;
  readonly timeoutMs: number;
}

/** One channel's credentials. */
export interface ChannelCredential {
  readonly channel: string;
  readonly needsInstance: boolean;
  /** What is wrong with one, in the words of the wire; undefined when nothing is. */
  readonly problemOf: (given: GivenCredential) => string | undefined;
  readonly place: PluginPlace;
  /** What the line's entry says of it; nothing secret. What else an entry says stays. */
  readonly fieldsFor: (given: GivenCredential) => Readonly<Record<string, unknown>>;
  /** Asks the provider; failing to reach it is an answer. */
  readonly probe: (given: GivenCredential, deps: ProbeDeps) => Promise<CredentialValidation>;
}

/** The answer for a channel that cannot be asked. */
export const NOT_PROBED: CredentialValidation = {
  probed: false,
  healthy: false,
  reason_code: "not_probed",
};
