/**
 * What a microapp sends by itself: messages to people, events to agents.
 *
 * @module
 */
import type { AdminMethods } from "../../core/contract/mod.ts";
import type { AdminCallOptions, AdminClient } from "./admin.ts";

/** A message to a person, as `nexo/dispatch` takes it. */
export interface OutboundMessage {
  readonly channel: string;
  /** The tenant or instance to send as. */
  readonly account_id: string;
  readonly to: string;
  readonly body: string;
  /** @default {"text"} */
  readonly msg_kind?: "text" | "template" | "media";
  readonly attachments?: readonly unknown[];
  readonly reply_to_msg_id?: string;
  /** Core sends one message for each key. */
  readonly idempotency_key?: string;
}

/** That core has taken a message. */
export interface DispatchAck {
  readonly msg_id?: string;
}

/** An event, as `nexo/publish` takes it. */
export type OutboundEvent = AdminMethods["nexo/publish"]["params"];
/** That core has taken an event. */
export type PublishAck = AdminMethods["nexo/publish"]["result"];

/** Sending, within what manifest and operator allow. */
export interface Outbound<Message = OutboundMessage> {
  /** Sends a message to a person; resolves when core has it on disk. @throws {AdminError} */
  readonly dispatch: (message: Message, options?: AdminCallOptions) => Promise<DispatchAck>;
  /** Publishes an event that agents may react to; resolves when core has it on disk. @throws {AdminError} */
  readonly publish: (event: OutboundEvent, options?: AdminCallOptions) => Promise<PublishAck>;
}

/** What a call sends: for its tenant, unless it says otherwise. */
export type CallOutbound = Outbound<
  Omit<OutboundMessage, "account_id"> & Partial<Pick<OutboundMessage, "account_id">>
>;

/** Sending at any time. */
export function createOutbound({ request }: Pick<AdminClient, "request">): Outbound {
  return {
    dispatch: async (message, options) =>
      await request("nexo/dispatch", { msg_kind: "text", ...message }, options) as DispatchAck,
    publish: async (event, options) => await request("nexo/publish", event, options) as PublishAck,
  };
}

/**
 * Sending within one call. What carries no key of its own gets the call's and its place in it, so that
 * a step that is run again sends nothing twice.
 */
export function createCallOutbound(
  outbound: Outbound,
  { accountId, callId, traceparent }: {
    readonly accountId: string;
    readonly callId: string | null;
    readonly traceparent: string | null;
  },
): CallOutbound {
  const here = traceparent === null ? {} : { traceparent };
  let sent = 0;
  const nextKey = (): string | undefined => callId === null ? undefined : `${callId}:${sent++}`;
  return {
    dispatch(message, options) {
      const key = message.idempotency_key ?? nextKey();
      return outbound.dispatch({
        account_id: accountId,
        ...message,
        ...(key === undefined ? {} : { idempotency_key: key }),
      }, { ...here, ...options });
    },
    publish(event, options) {
      const key = event.dedupe_key ?? nextKey();
      return outbound.publish({
        tenant_id: accountId,
        ...event,
        ...(key === undefined ? {} : { dedupe_key: key }),
      }, { ...here, ...options });
    },
  };
}
