/**
 * `nexo/dispatch`.
 *
 * @module
 */
import { outboundRefusal } from "../agents/outbound_fence.ts";
import { DISPATCH_METHODS } from "../contract/admin/dispatch.ts";
import { DispatchRateLimit } from "../contract/config/limits.ts";
import {
  bindingId,
  type Clock,
  codeOf,
  type ConversationKey,
  RPC_CODES,
  RpcFault,
  textOfBody,
  uuidOf,
} from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import type { DispatchClaim, DispatchLimits } from "../limits/dispatch_limits.ts";
import { bodyOf } from "../oversight/reply_body.ts";
import type { OpenOutbound, Outbound } from "../queues/outbound.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { RowsForTranscript } from "../record/transcript_rows.ts";
import { type Line, linesOf } from "../settings/lines.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import { type AdminMethod, type Call, methodsOf, onlyTenant, sees } from "./method.ts";

/** How long a message may wait for its channel, in milliseconds. */
const TTL_MS = 3_600_000;
/** What holds for a microapp whose operator says nothing. */
const UNSAID_RATE = DispatchRateLimit.parse(undefined);

/** What dispatching needs. */
export interface DispatchMethodDeps {
  readonly settings: () => Settings;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly transcriptRows: RowsForTranscript;
  readonly sessionIdOf: (key: ConversationKey) => string;
  /** Whether there is such a channel and it sends bodies of a kind. */
  readonly canSend: (channel: string, kind: Outbound["body"]["kind"]) => boolean;
  /** The accounts of a channel a microapp's manifest writes to; `*` is all of them. */
  readonly boundTo: (microappId: string, channel: string) => readonly string[];
  /** Whether a microapp registered a line's credential. */
  readonly registered: (
    microappId: string,
    line: { readonly channel: string; readonly instance: string },
  ) => boolean;
  /** Sends rows that are on disk. */
  readonly deliver: (items: readonly OpenOutbound[]) => void;
  readonly limits: DispatchLimits;
  readonly uuid: () => string;
  readonly now: Clock;
}

/** Returns the method. */
export function dispatchMethods(deps: DispatchMethodDeps): AdminMethod[] {
  const { settings, store, outbox, now } = deps;
  return methodsOf(DISPATCH_METHODS, {
    async "nexo/dispatch"(params, call) {
      const { channel, to, idempotency_key } = params;
      const { account, agentId, instance } = lineFor(params, deps, call);
      const { attachments, reply_to_msg_id, body: text, msg_kind } = params;
      const reply = {
        kind: "reply" as const,
        channel,
        account_id: account,
        to,
        body: text,
        msg_kind,
        attachments,
        reply_to_msg_id,
      };
      const body = bodyOf(reply, null);
      if (!deps.canSend(channel, body.kind)) {
        throw refusal("channel_unavailable", `channel "${channel}" does not send ${body.kind}`);
      }
      const key = { account_id: account, agent_id: agentId, channel, instance, contact: to };
      const outbound: Outbound = {
        ...key,
        id: idempotency_key == null
          ? deps.uuid()
          : uuidOf(sha256, "dispatch", whoOf(call), account, idempotency_key),
        session_id: deps.sessionIdOf(key),
        turn_id: null,
        body,
        expires_at_ms: now() + TTL_MS,
      };
      const stopped = outboundRefusal(settings(), outbound);
      if (stopped !== undefined && !stopped.later) {
        throw refusal("unauthorized_binding", stopped.reason, { channel, account_id: account });
      }
      // The same key again is the same message, which is on its way or there.
      const isThere = async (): Promise<boolean> =>
        idempotency_key != null && await outbox.has(account, outbound.id);
      if (await isThere()) return { msg_id: outbound.id };
      const claim = await takeFor(call, outbound, deps);
      const queued = outbox.queue(outbound, now());
      try {
        await store.commit([
          ...queued.writes,
          ...deps.transcriptRows({
            account,
            agentId,
            sessionId: outbound.session_id,
            entries: [{
              role: "assistant",
              text: textOfBody(body),
              sourcePlugin: channel,
              senderId: `dispatch:${whoOf(call)}`,
              messageId: outbound.id,
              sentAtMs: now(),
            }],
          }),
        ]);
      } catch (error) {
        if (claim !== undefined) deps.limits.giveBack(claim);
        // It may have come twice at once.
        if (codeOf(error) !== "conflict" || !await isThere()) throw error;
        return { msg_id: outbound.id };
      }
      deps.deliver(queued.items);
      return { msg_id: outbound.id };
    },
  }, {
    "nexo/dispatch"({ channel, account_id }) {
      const meant = linesOf(settings(), channel, account_id ?? undefined);
      const [only, ...others] = new Set(meant.map(({ account }) => account));
      return others.length === 0 ? only : undefined;
    },
  });
}

function whoOf({ caller }: Call): string {
  return caller.kind === "microapp" ? caller.id : "operator";
}

/** Takes a message of the microapp's limit; an operator has none. */
async function takeFor(
  { caller }: Call,
  { account_id: account, agent_id: agentId, channel, instance }: Outbound,
  { settings, limits }: DispatchMethodDeps,
): Promise<DispatchClaim | undefined> {
  if (caller.kind !== "microapp") return undefined;
  const { entries } = settings().extensions;
  const rate = entries[caller.id]?.dispatch_rate_limit ?? UNSAID_RATE;
  if (rate.rps === 0) return undefined;
  const claim = {
    account,
    agentId,
    bindingId: bindingId(channel, instance),
    microappId: caller.id,
  };
  const draw = await limits.take(claim, rate);
  if (draw.ok) return claim;
  const retry = { retry_after_ms: draw.retryAfterMs };
  const state = `${channel}:${instance} may be written to again in ${draw.retryAfterMs} ms`;
  throw refusal("rate_limited", state, retry);
}

/** The one line of a channel that `account_id` means, if the caller may write there. */
function lineFor(
  { channel, account_id }: { channel: string; account_id?: string | null | undefined },
  deps: DispatchMethodDeps,
  call: Call,
): Line {
  const wanted = account_id ?? onlyTenant(call);
  const lines = linesOf(deps.settings(), channel, wanted)
    .filter(({ account }) => sees(call, account));
  const [line, ...others] = lines;
  const named = { channel, account_id: wanted ?? null };
  if (line === undefined) {
    throw refusal("unauthorized_binding", `nobody answers ${channel} for this account`, named);
  }
  if (
    others.some(({ account, instance }) => account !== line.account || instance !== line.instance)
  ) {
    throw new RpcFault(
      RPC_CODES.invalid_params,
      "invalid_params: account_id is ambiguous: name the instance",
    );
  }
  const { caller } = call;
  if (caller.kind === "microapp") {
    const { account, instance } = line;
    const bound = deps.boundTo(caller.id, channel);
    const isBound = bound.some((one) => one === "*" || one === account || one === instance);
    if (!isBound && !deps.registered(caller.id, { channel, instance })) {
      const reason = `the manifest's outbound_bindings do not have ${channel}:${instance}`;
      throw refusal("unauthorized_binding", reason, named);
    }
  }
  return line;
}

function refusal(
  code: "unauthorized_binding" | "channel_unavailable" | "rate_limited",
  message: string,
  data: Readonly<Record<string, unknown>> = {},
): RpcFault {
  return new RpcFault(RPC_CODES.tool_failed, `${code}: ${message}`, { code, ...data });
}
