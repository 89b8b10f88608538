/**
 * Microapps looked for again: when the config says something else, when an operator installs one, and in
 * `nexo dev` when code changes.
 *
 * @module
 */
import { createInTurn } from "../flow/in_turn.ts";
import type { Log } from "../flow/log.ts";
import type { Candidate } from "../microapps/candidate.ts";
import type { Host } from "../microapps/host.ts";
import { type CodeWatch, openCodeWatch } from "./code_watch.ts";
import { mcpPlanOf } from "./mcp_plan.ts";
import { findMicroapps, type MicroappPlaces } from "./microapps.ts";

/** What looking again needs. */
export interface MicroappReloadDeps extends MicroappPlaces {
  readonly host: Pick<Host, "apply" | "renew">;
  /** Whether microapps are renewed when their code changes. */
  readonly followCode: boolean;
  /** Called once what was found counts. */
  readonly onTaken: () => void;
  readonly log: Log;
}

/** Looks for microapps again, and at their code until disposed. */
export interface MicroappReload extends AsyncDisposable {
  /**
   * Takes what is there now. Searches follow one another, so that an older one never has the last word;
   * nobody waits for microapps that take their time to stop before a newer one begins.
   */
  readonly refresh: () => Promise<readonly Candidate[]>;
}

/** Opens it; no code is followed before the first {@linkcode MicroappReload.refresh}. */
export function openMicroappReload(deps: MicroappReloadDeps): MicroappReload {
  const { host, settings, homeDir, followCode, onTaken, log } = deps;
  const inTurn = createInTurn();
  const code: CodeWatch = openCodeWatch({ host, refresh, log });

  async function refresh(): Promise<readonly Candidate[]> {
    const found = await inTurn(() => findMicroapps(deps));
    const applied = host.apply(found, mcpPlanOf(settings(), homeDir));
    onTaken();
    if (followCode) code.follow(found);
    await applied;
    return found;
  }

  return { refresh, [Symbol.asyncDispose]: () => code[Symbol.asyncDispose]() };
}
