/**
 * Turns leave their place while they wait for a model, a microapp or a file from elsewhere.
 *
 * @module
 */
import type { Tool } from "../agents/tool_gate.ts";
import { runTurn } from "../agents/turn.ts";
import type { TurnDeps, TurnJob, TurnResult } from "../agents/turn_types.ts";
import type { Place } from "../conversations/places.ts";
import { createPassingMap, type PassingMap } from "../flow/passing_map.ts";

/** Runs a turn in a place. Rejects when `signal` aborts. */
export type RunInPlace = (
  job: TurnJob & { readonly place: Place },
  signal: AbortSignal,
) => Promise<TurnResult>;

/** Returns the way to run turns with `deps`. */
export function createTurnRunner(deps: TurnDeps): RunInPlace {
  const places = createPassingMap<string, Place>();
  const placed = createPlacedDeps(deps, places);
  return async function runInPlace({ place, ...job }, signal) {
    places.set(job.turnId, place);
    try {
      return await runTurn(job, placed(place), signal);
    } finally {
      places.delete(job.turnId);
    }
  };
}

/**
 * Returns what a turn is given: `deps`, but whatever waits for somebody else does so away from the turn's
 * place. `places` are those of the turns under way, by their ids.
 */
export function createPlacedDeps(
  deps: TurnDeps,
  places: Pick<PassingMap<string, Place>, "get">,
): (place: Place) => TurnDeps {
  const { ask, files, hooks } = deps;

  function away<T>(turnId: string, work: () => Promise<T>): Promise<T> {
    return places.get(turnId)?.away(work) ?? work();
  }

  /** What is told for which turn it is called. */
  const shared: TurnDeps = {
    ...deps,
    ask: (caller, model, request) => away(caller.turnId, () => ask(caller, model, request)),
    tools: mapped(deps.tools, (tool) => ({
      ...tool,
      call: (args, context) => away(context.turnId, () => tool.call(args, context)),
    })),
  };

  return (place) => ({
    ...shared,
    hooks: {
      hasHooks: (...asked) => hooks.hasHooks(...asked),
      runHook: (...asked) => place.away(() => hooks.runHook(...asked)),
    },
    files: {
      load: (...asked) => files.load(...asked),
      gather: (inbounds, signal) =>
        inbounds.some(({ parts }) => parts.some(({ kind }) => kind === "media"))
          ? place.away(async () => files.gather(inbounds, signal))
          : files.gather(inbounds, signal),
    },
  });
}

/** A list of tools as another makes of them; the same list as long as the first is the same. */
function mapped(tools: TurnDeps["tools"], change: (tool: Tool) => Tool): TurnDeps["tools"] {
  let known: readonly Tool[] | undefined;
  let changed: readonly Tool[] = [];
  return function mappedTools() {
    const now = tools();
    if (now !== known) [known, changed] = [now, now.map(change)];
    return changed;
  };
}
