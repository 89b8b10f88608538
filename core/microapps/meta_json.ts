/**
 * `_meta` as JSON. What all calls of a turn say alike is put in words once.
 *
 * @module
 */
import { type CallMeta, lineJson } from "../contract/mod.ts";
import { currentTraceparent } from "../flow/trace.ts";

/** What all calls of a turn say alike. */
export interface CommonMeta {
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly nexo: Pick<NonNullable<CallMeta["nexo"]>, "binding" | "inbound">;
}

/** Makes the `_meta` of each call of a turn, out of what they have in common. */
export interface SharedMeta {
  readonly forCall: (callId: string | undefined) => CallMeta;
}

/** Returns what makes them; `common` must not change any more. */
export function shareMeta(common: CommonMeta): SharedMeta {
  let head: string | undefined;
  // Without the two brackets that close it.
  const headOf = (): string => head ??= lineJson(common)?.slice(0, -2) ?? "";
  return { forCall: (callId) => new MetaOfTurn(common, callId, headOf) };
}

/** A plain object to everybody but {@linkcode metaJson}; what is spread out of it is one to that, too. */
class MetaOfTurn implements CallMeta {
  [other: string]: unknown;
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly nexo: NonNullable<CallMeta["nexo"]>;
  readonly #head: () => string;

  constructor(
    { agent_id, session_id, nexo }: CommonMeta,
    callId: string | undefined,
    head: () => string,
  ) {
    const { binding, inbound } = nexo;
    this.agent_id = agent_id;
    this.session_id = session_id;
    this.nexo = callId === undefined ? nexo : { binding, inbound, call_id: callId };
    this.#head = head;
  }

  static jsonOf(meta: MetaOfTurn): string {
    const { call_id: callId } = meta.nexo;
    return callId === undefined
      ? `${meta.#head()}}}`
      : `${meta.#head()},"call_id":${lineJson(callId)}}}`;
  }
}

/** `_meta` with the span of the call it goes with, where there is one. */
export function tracedMeta(meta: CallMeta): CallMeta {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? meta : { ...meta, traceparent };
}

/** The same as JSON. */
export function metaJson(meta: CallMeta): string {
  const traced = tracedMeta(meta);
  return traced instanceof MetaOfTurn ? MetaOfTurn.jsonOf(traced) : lineJson(traced) ?? "null";
}
