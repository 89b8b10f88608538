/**
 * What operators do: look at the daemon, talk to an agent, restart a microapp, hand out tokens.
 *
 * @module
 */
import { z } from "zod";
import { ChatRequest, CodedError } from "../contract/mod.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** A signed webhook, ready to be sent. */
export interface SignedWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What to sign as a source's provider would. */
export interface SignRequest {
  readonly source: string;
  readonly body: Uint8Array;
  readonly eventKind: string | undefined;
  /** The delivery id; a new one without it. */
  readonly id: string | undefined;
  readonly contentType: string | undefined;
}

/** What the control methods need. */
export interface OperatorControlDeps {
  readonly status: () => Promise<unknown>;
  /** Says something as a contact and waits for the turn that answers it. */
  readonly chat: (
    say: ChatRequest & { op: "say" },
    options: { signal: AbortSignal | undefined; waitMs: number },
  ) => Promise<unknown>;
  /** Signs a body as the source's provider would. @throws {CodedError} `not_found` */
  readonly signWebhook: (request: SignRequest) => Promise<SignedWebhook>;
  /** What a source is. @throws {CodedError} `not_found` */
  readonly describeSource: (id: string) => unknown;
  readonly microapps: () => unknown[];
  readonly restartMicroapp: (id: string) => Promise<void>;
  readonly reload: () => Promise<unknown>;
  readonly createToken: (request: {
    subject: string;
    scope: ("operator" | "tenant" | "firehose" | "edge")[];
    account: string | undefined;
    ttlMs: number | undefined;
  }) => Promise<{ token: string; jti: string; expiresAtMs: number }>;
  /** Signs new tokens with a new key; those of older ones end at once, or when they expire. */
  readonly rotateTokenKey: (
    options: { revokeOld: boolean },
  ) => Promise<{ kid: string; oldUntilMs: number | null }>;
  /** What an edge may start with while core is away. @throws {CodedError} `config_invalid` */
  readonly edgeSnapshot: (
    options: { ttlMs: number; withoutSecrets: boolean },
  ) => Promise<{ text: string; sealed: boolean; sources: number; expiresAtMs: number }>;
  /** @throws {CodedError} `not_found` */
  readonly revokeToken: (jti: string) => Promise<void>;
}

/** A year: by then every token and most secrets in a snapshot are others. */
const MAX_SNAPSHOT_MS = 365 * 24 * 3_600_000;

/** Returns the methods that act on the daemon. */
export function operatorControlMethods(deps: OperatorControlDeps): AdminMethod[] {
  return [
    operatorMethod("status", z.object({}), () => deps.status(), { unaudited: true }),
    operatorMethod(
      "chat",
      z.object({
        instance: z.string(),
        text: z.string(),
        contact: z.string().default("cli"),
        wait_ms: z.int().positive().max(300_000).default(60_000),
      }),
      ({ instance, text, contact, wait_ms }, { signal }) => {
        return deps.chat(parseSay({ instance, text, contact }), { signal, waitMs: wait_ms });
      },
    ),
    operatorMethod(
      "webhook/sign",
      z.object({
        source: z.string(),
        body_base64: z.base64(),
        event_kind: z.string().nullish(),
        id: z.string().nullish(),
        content_type: z.string().nullish(),
      }),
      ({ source, body_base64, event_kind, id, content_type }) =>
        deps.signWebhook({
          source,
          body: Buffer.from(body_base64, "base64"),
          eventKind: event_kind ?? undefined,
          id: id ?? undefined,
          contentType: content_type ?? undefined,
        }),
    ),
    operatorMethod(
      "webhook/describe",
      z.object({ source: z.string() }),
      ({ source }) => Promise.resolve(deps.describeSource(source)),
      { unaudited: true },
    ),
    operatorMethod(
      "ext/status",
      z.object({}),
      () => Promise.resolve({ microapps: deps.microapps() }),
      { unaudited: true },
    ),
    operatorMethod("ext/restart", z.object({ id: z.string() }), async ({ id }) => {
      await deps.restartMicroapp(id);
      return { id, restarted: true };
    }),
    operatorMethod("reload", z.object({}), () => deps.reload()),
    operatorMethod(
      "token/create",
      z.object({
        subject: z.string().min(1).max(128).default("operator"),
        scope: z.array(z.enum(["operator", "tenant", "firehose", "edge"])).min(1),
        account: z.string().nullish(),
        ttl_ms: z.int().positive().nullish(),
      }).refine(({ scope, account }) => account != null || !scope.includes("tenant"), {
        error: 'scope "tenant" needs the account of a tenant',
      }),
      async ({ subject, scope, account, ttl_ms }) => {
        const { token, jti, expiresAtMs } = await deps.createToken({
          subject,
          scope,
          account: account ?? undefined,
          ttlMs: ttl_ms ?? undefined,
        });
        return { token, jti, expires_at_ms: expiresAtMs };
      },
    ),
    operatorMethod(
      "edge/config",
      z.object({
        ttl_ms: z.int().positive().max(MAX_SNAPSHOT_MS),
        without_secrets: z.boolean().default(false),
      }),
      async ({ ttl_ms, without_secrets }) => {
        const made = await deps.edgeSnapshot({ ttlMs: ttl_ms, withoutSecrets: without_secrets });
        const { text, sealed, sources, expiresAtMs } = made;
        return { snapshot: text, sealed, sources, expires_at_ms: expiresAtMs };
      },
    ),
    operatorMethod(
      "token/rotate_key",
      z.object({ revoke_old: z.boolean().default(false) }),
      async ({ revoke_old }) => {
        const { kid, oldUntilMs } = await deps.rotateTokenKey({ revokeOld: revoke_old });
        return { kid, old_until_ms: oldUntilMs };
      },
    ),
    operatorMethod("token/revoke", z.object({ jti: z.string() }), async ({ jti }) => {
      await deps.revokeToken(jti);
      return { jti, revoked: true };
    }),
  ];
}

function parseSay(said: { instance: string; text: string; contact: string }) {
  if (said.text.trim() === "") {
    throw new CodedError("invalid_params", "Cannot chat: text: must not be empty");
  }
  const say = ChatRequest.safeParse({ op: "say", ...said });
  if (say.success) return say.data as ChatRequest & { op: "say" };
  const [issue] = say.error.issues;
  throw new CodedError(
    "invalid_params",
    `Cannot chat: ${issue?.path.join(".")}: ${issue?.message}`,
  );
}
