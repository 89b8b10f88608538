/**
 * What an operator does while they have a scope: answer the customer, tell the agent something, take a
 * waiting item off its list.
 *
 * @module
 */
import { CodedError, type ConversationKey, type InterventionAction } from "../contract/mod.ts";
import type { Write } from "../store/store.ts";
import { untilCommitted } from "./attempts.ts";
import { findConversations } from "./conversations.ts";
import type { OversightDeps } from "./deps.ts";
import type { Hold } from "./holding.ts";
import { rowsForActed, rowsForPassed } from "./pause_rows.ts";
import type { Operator, Pause, Pauses } from "./pauses.ts";
import { assertFree, isSame, rowsForStateEvent } from "./pausing.ts";
import { readPending, rowsForPending, rowsForReleased } from "./pending_rows.ts";
import { bodyOf, unsupported } from "./reply_body.ts";
import { operatorInbound } from "./resuming.ts";
import { isSaid, sayingId, type Sayings, senderOf, takeoverOf } from "./sayings.ts";
import { keyOfScope, type Scope } from "./scopes.ts";

/** What an intervention did. */
export interface InterventionResult {
  /** False when the same act was done before, under the same key. */
  readonly changed: boolean;
  /** Of what was said or queued. */
  readonly id: string;
  readonly stamped: boolean;
}

/** Acts in a paused scope. `key` makes a repetition of the same act do nothing. */
export type Intervene = (
  scope: Scope,
  operator: Operator,
  action: InterventionAction,
  options: { readonly key?: string | undefined },
) => Promise<InterventionResult>;

/** Returns the function that acts. Calls for one scope must come one after another. */
export function createIntervene(
  deps: OversightDeps & {
    readonly pauses: Pauses;
    readonly sayings: Sayings;
    readonly hold: Hold;
  },
): Intervene {
  const { store, pauses, sayings, inbounds, now } = deps;

  return async function intervene(scope, operator, action, { key }) {
    const pause = pauseOver(scope);
    assertFree(pause, operator, now());
    switch (action.kind) {
      case "reply":
        return reply(scope, pause, operator, action, key);
      case "inject_input":
        return inject(scope, pause, operator, action);
      case "skip_item":
        return skip(scope, pause, operator, action);
      case "override_output":
      case "custom":
        throw new CodedError(
          "invalid_params",
          `Cannot act: "${action.kind}" is not an action here`,
        );
    }
  };

  /** The pause a scope is under: its own, or a wider one. @throws {CodedError} `invalid_params` */
  function pauseOver(scope: Scope): Pause {
    const found = pauses.get(scope) ??
      (scope.kind === "conversation" ? pauses.over(keyOfScope(scope)) : undefined) ??
      pauses.get({ kind: "agent", account: scope.account, agentId: scope.agentId });
    if (found !== undefined) return found;
    throw new CodedError("invalid_params", `scope_not_paused: ${scope.agentId}`);
  }

  async function reply(
    scope: Scope,
    pause: Pause,
    operator: Operator,
    action: InterventionAction & { kind: "reply" },
    key: string | undefined,
  ): Promise<InterventionResult> {
    const to = await targetOf(scope, action);
    const body = bodyOf(action, await sayings.addressOf(to));
    if (!deps.canSend(to.channel, "text")) {
      throw new CodedError("outbound_failed", `channel_unavailable: ${to.channel}`);
    }
    if (!deps.canSend(to.channel, body.kind)) throw unsupported(action.msg_kind);
    const id = key === undefined
      ? deps.uuid()
      : sayingId("reply", deps.sessionIdOf(to), operator.hash, key);
    if (key !== undefined && await isSaid(deps, scope.account, id)) {
      return { changed: false, id, stamped: true };
    }
    const spoken = sayings.say(to, {
      id,
      body,
      author: "operator",
      source: `intervention:${to.channel}`,
      sender: senderOf(operator),
    });
    await act(pause, operator, spoken.writes);
    spoken.send();
    return { changed: true, id, stamped: true };
  }

  /** What the agent is told waits like a customer's message: history, or the next turn's question. */
  async function inject(
    scope: Scope,
    pause: Pause,
    operator: Operator,
    { content, contact_id: contact }: InterventionAction & { kind: "inject_input" },
  ): Promise<InterventionResult> {
    const key = await conversationIn(scope, contact ?? undefined);
    const id = deps.uuid();
    const text = `[operator_input] ${content}`;
    const inbound = operatorInbound(id, key, text, operator, now());
    const sessionId = deps.sessionIdOf(key);
    await act(pause, operator, [
      ...rowsForPassed(pause),
      ...inbounds.rowsForQueued(inbound, sessionId, now()),
      ...rowsForPending(inbound, sessionId, now()),
      ...sayings.note(key, {
        id,
        text,
        source: "intervention:input",
        sender: senderOf(operator),
      }),
    ]);
    return { changed: true, id, stamped: true };
  }

  async function skip(
    scope: Scope,
    pause: Pause,
    operator: Operator,
    { item_id: itemId, reason }: InterventionAction & { kind: "skip_item" },
  ): Promise<InterventionResult> {
    const item = (await readPending(store, scope)).find(({ id }) => id === itemId);
    if (item === undefined) {
      throw new CodedError("invalid_params", `item_not_pending: ${itemId}`);
    }
    const { account_id, agent_id, channel, instance, contact, inbox_id: inboxId } = item;
    const id = deps.uuid();
    await act(pause, operator, [
      ...rowsForReleased(account_id, [itemId]),
      ...inbounds.rowsForClosed(account_id, [itemId], "done"),
      ...(inboxId === null ? [] : deps.inbox.rowsForSettled(inboxId)),
      ...sayings.note({ account_id, agent_id, channel, instance, contact }, {
        id,
        text: `[operator_skipped] ${reason}`,
        source: "intervention:skip",
        sender: senderOf(operator),
      }),
    ]);
    return { changed: true, id, stamped: true };
  }

  /** Commits an act while the pause is still the operator's; its lease begins anew. */
  async function act(
    pause: Pause,
    operator: Operator,
    writes: readonly Write[],
  ): Promise<void> {
    await untilCommitted(async () => {
      const current = pauses.get(pause.scope);
      if (current === undefined || current.id !== pause.id) {
        throw new CodedError("invalid_params", `scope_not_paused: ${pause.scope.agentId}`);
      }
      assertFree(current, operator, now());
      const atMs = now();
      const leaseUntilMs = atMs + takeoverOf(deps, pause.scope.agentId).lease;
      const by = { ...operator, name: operator.name ?? nameOf(current, operator) };
      const after: Pause = {
        ...current,
        operator: by,
        leaseUntilMs,
        actedAtMs: atMs,
        alertedAtMs: null,
      };
      const changesHands = !isSame(current.operator, operator);
      await store.commit([
        ...rowsForActed(current, by, { atMs, leaseUntilMs }),
        ...(changesHands ? rowsForStateEvent(deps, pause.scope, current, after) : []),
        ...writes,
      ]);
      pauses.set(after);
    });
  }

  /** Where a reply goes: what it says must be what the scope says. */
  async function targetOf(
    scope: Scope,
    { channel, account_id: account, to }: InterventionAction & { kind: "reply" },
  ): Promise<ConversationKey> {
    const wrong = (what: string, is: string): CodedError =>
      new CodedError("invalid_params", `${what} \`${is}\` is not the paused scope's`);
    if (scope.kind !== "agent") {
      if (channel !== scope.channel) throw wrong("channel", channel);
      if (account !== scope.account && account !== scope.instance) {
        throw wrong("account_id", account);
      }
    }
    if (scope.kind === "conversation") {
      if (to !== scope.contact) throw wrong("to", to);
      return keyOfScope(scope);
    }
    const known = await findConversations(store, scope, to);
    const meant = known.filter((key) =>
      key.channel === channel && (account === key.account_id || account === key.instance)
    );
    const [only] = meant;
    if (only === undefined || meant.length > 1) throw wrong("to", to);
    return only;
  }

  async function conversationIn(
    scope: Scope,
    contact: string | undefined,
  ): Promise<ConversationKey> {
    if (scope.kind === "conversation") {
      if (contact === undefined || contact === scope.contact) return keyOfScope(scope);
      throw new CodedError("invalid_params", `contact_id \`${contact}\` is not the paused scope's`);
    }
    if (contact === undefined) throw new CodedError("invalid_params", "missing field: contact_id");
    const [only, ...others] = await findConversations(store, scope, contact);
    if (only !== undefined && others.length === 0) return only;
    throw new CodedError("invalid_params", `contact_id \`${contact}\` is not one conversation's`);
  }
}

function nameOf(pause: Pause, operator: Operator): string | null {
  return pause.operator.hash === operator.hash ? pause.operator.name : null;
}
