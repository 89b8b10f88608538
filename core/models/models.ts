/**
 * Which model a tenant's turn asks.
 *
 * @module
 */
import { CodedError, OFFLINE_PROVIDER } from "../contract/mod.ts";
import type { Model, ModelRef } from "./model.ts";
import { offlineModel } from "./offline.ts";

/** Where {@linkcode createModels} finds providers. */
export interface ModelsDeps {
  /** The provider of that name for that tenant, if any; looked up each time, so config may change. */
  readonly providerOf?: ((provider: string, account: string) => Model | undefined) | undefined;
}

/**
 * Finds the model for a tenant's turn. `offline` is always there; a configured provider of that name
 * comes first.
 *
 * @throws {CodedError} `model_unknown` from the function returned
 */
export function createModels(
  { providerOf = () => undefined }: ModelsDeps = {},
): (ref: ModelRef, account: string) => Model {
  return function modelOf({ provider, model }, account) {
    const found = providerOf(provider, account);
    if (found !== undefined) return found;
    if (provider === OFFLINE_PROVIDER) return offlineModel;
    throw new CodedError(
      "model_unknown",
      `Cannot use model "${model}": provider "${provider}" is not in llm.yaml for tenant "${account}"`,
    );
  };
}
