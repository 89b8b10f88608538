/**
 * `nexo/publish`: a microapp's own event, kept and routed like any webhook.
 *
 * @module
 */
import {
  bodyOfJson,
  type Clock,
  CodedError,
  ERROR_CODES,
  type ErrorCode,
  type Handoff,
  matchSubject,
  type Outcome,
  RESERVED_PATTERNS,
} from "../contract/mod.ts";
import { PUBLISH_METHODS } from "../contract/admin/publish.ts";
import { currentTraceparent } from "../flow/trace.ts";
import { type AdminMethod, type Caller, methodsOf, tenantForWriting } from "./method.ts";

const DEDUPE_WINDOW_MS = 72 * 3_600_000;

/** What publishing needs. */
export interface PublishMethodDeps {
  /** Puts events into the inbox; an outcome is on disk. */
  readonly deliver: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  /** The delivery that holds a dedupe key. */
  readonly holder: (source: string, key: string) => Promise<{ readonly id: string } | undefined>;
  /** The subjects a microapp's manifest says it publishes to. */
  readonly patternsOf: (microappId: string) => readonly string[];
  /** How many subscribers the events have passed that a microapp is working on. */
  readonly hopsOf: (microappId: string) => Promise<number>;
  readonly uuid: () => string;
  readonly now: Clock;
}

/** Returns `nexo/publish`. */
export function publishMethods(deps: PublishMethodDeps): AdminMethod[] {
  return methodsOf(PUBLISH_METHODS, {
    async "nexo/publish"({ subject, payload, dedupe_key, tenant_id }, call) {
      const { caller } = call;
      const account = tenantForWriting(tenant_id, call);
      const traceparent = currentTraceparent();
      checkSubject(subject, caller, deps);
      const source = caller.kind === "microapp" ? `microapp:${caller.id}` : "operator";
      const id = deps.uuid();
      // The same key of two tenants means two events.
      const key = dedupe_key == null ? id : `${account ?? ""}/${dedupe_key}`;
      const [outcome] = await deps.deliver([{
        envelope: {
          schema: 1,
          source_id: source,
          event_kind: subject,
          headers_subset: {},
          received_at_ms: deps.now(),
          envelope_id: id,
          client_ip: null,
        },
        body: bodyOfJson(payload),
        subject,
        dedupe_key: key,
        dedupe_window_ms: DEDUPE_WINDOW_MS,
        account_id: account ?? null,
        delivery_id: dedupe_key ?? null,
        hops: caller.kind === "microapp" ? await deps.hopsOf(caller.id) : 0,
        ...(traceparent === undefined ? {} : { traceparent }),
      }]);
      if (outcome?.kind === "duplicate") {
        return { event_id: (await deps.holder(source, key))?.id ?? outcome.envelope_id };
      }
      if (outcome?.kind !== "accepted") {
        throw new CodedError(codeIn(outcome?.code), "Cannot publish: try again later");
      }
      return { event_id: id };
    },
  });
}

function checkSubject(
  subject: string,
  caller: Caller,
  { patternsOf }: Pick<PublishMethodDeps, "patternsOf">,
): void {
  if (RESERVED_PATTERNS.some((pattern) => matchSubject(pattern, subject))) {
    throw new CodedError("invalid_params", `subject "${subject}" is core's own`);
  }
  if (
    caller.kind === "microapp" &&
    !patternsOf(caller.id).some((pattern) => matchSubject(pattern, subject))
  ) {
    throw new CodedError(
      "invalid_params",
      `subject "${subject}" is not in the manifest's capabilities.broker.publish`,
    );
  }
}

function codeIn(code: string | undefined): ErrorCode {
  return code !== undefined && Object.hasOwn(ERROR_CODES, code) ? code as ErrorCode : "internal";
}
