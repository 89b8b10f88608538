/**
 * Messages that come in while a person has the conversation: hooks hear them as always, and what hooks
 * change is what is kept.
 *
 * @module
 */
import { codeOf, type Inbound } from "../contract/mod.ts";
import type { Journal } from "../queues/turn_steps.ts";
import type { Write } from "../store/store.ts";
import { createTurnHooks } from "./turn_hooks.ts";
import type { TurnDeps, TurnInbounds, TurnJob } from "./turn_types.ts";

/** A message nobody answers yet. */
export interface HeldMessage {
  /** As hooks left it. */
  readonly inbound: Inbound;
  /** What the model will read of it; undefined when a hook that must have its say gave none. */
  readonly text: string | undefined;
}

/** Messages, and the rows of the hooks that heard them. */
export interface HeldMessages {
  readonly messages: readonly HeldMessage[];
  readonly writes: readonly Write[];
}

/** Asks the hooks about each message alone, since each is kept alone. What people said, not tasks. */
export async function hearHeld(
  inbounds: TurnInbounds,
  { job, deps, signal }: { job: TurnJob; deps: TurnDeps; signal: AbortSignal },
): Promise<HeldMessages> {
  const isHooked = deps.hooks.hasHooks("before_message", job.account);
  const writes: Write[] = [];
  // No turn will run again under this id: what hooks caused is kept with the messages, or not at all.
  const journal: Pick<Journal, "commit" | "settle" | "step"> = {
    async step(run) {
      const { result, writes: caused = [] } = await run(0);
      writes.push(...caused);
      return result;
    },
    commit: (writes) => deps.store.commit(writes),
    settle: () => Promise.resolve(),
  };
  const messages: HeldMessage[] = [];
  for (const inbound of inbounds) {
    const { text, trigger, on_record } = inbound;
    if (!isHooked || trigger !== "channel" || on_record === true) {
      messages.push({ inbound, text });
      continue;
    }
    const hooks = createTurnHooks({ job, inbounds: [inbound], journal, deps, signal });
    try {
      const heard = await hooks.beforeMessage(text);
      const kept = heard.kind === "text" ? heard.text : text;
      messages.push({ inbound: { ...inbound, text: kept }, text: kept });
    } catch (error) {
      if (codeOf(error) !== "hook_failed") throw error;
      messages.push({ inbound, text: undefined });
    }
  }
  return { messages, writes };
}
