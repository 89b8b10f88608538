/**
 * The web channel over plain HTTP: say something, read what was answered.
 *
 * @module
 */
import { z } from "zod";
import type { Bus } from "../../core/bus/bus.ts";
import {
  type Clock,
  codeOf,
  ERROR_CODES,
  type Random,
  Slug,
  subjects,
} from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { BodyRead } from "../adapter.ts";
import { jsonResponse, problemResponse, statusOf } from "../reply.ts";
import type { Client } from "../webhooks/client_ip.ts";
import { createRateGate } from "../webhooks/rate.ts";
import { createVisitors } from "./visitor.ts";

/** Bytes of one message with its JSON around it: 8000 characters of four bytes, escaped. */
export const CHAT_BODY_CAP_BYTES = 64 * 1024;

/** What a visitor says. */
export const ChatSaid = z.strictObject({
  text: z.string().max(8000).refine((text) => text.trim() !== "", "must not be empty"),
  /** The client's own id of the message; saying it again says it once. */
  client_msg_id: z.string().min(1).max(128).optional(),
  /** For operators: whom to speak as. */
  contact: z.string().min(1).max(512).optional(),
});

/** What is asked of core's web channel. `after` is the cursor a `read` answered with. */
export interface ChatRequest {
  readonly op: "say" | "read";
  readonly instance: string;
  readonly contact: string;
  readonly text?: string;
  readonly msg_id?: string;
  readonly after?: string;
}

/** What the chat routes need. */
export interface ChatDeps {
  readonly bus: Pick<Bus, "request">;
  readonly now: Clock;
  readonly random: Random;
  readonly uuid: () => string;
  readonly log: Log;
  /** Signs visitors' cookies; the same on every edge. */
  readonly visitorSecret: string;
  /** Whether the bearer of a request is an operator. */
  readonly authorize: (request: Request) => Promise<boolean>;
}

/** One request at `/chat/<instance>/messages`, with what the app knows of it. */
export interface ChatCall {
  readonly instance: string;
  readonly request: Request;
  readonly client: Client;
  readonly readBody: (capBytes: number) => Promise<BodyRead>;
}

/** Requests per second and at once: what a person types, and what a household or office does. */
const LIMITS = {
  say: { visitor: { rps: 1, burst: 10 }, address: { rps: 5, burst: 50 } },
  read: { visitor: { rps: 5, burst: 50 }, address: { rps: 50, burst: 500 } },
} as const;

const CORE_LIMIT_MS = 10_000;

/** A failure on the way to core, to be told as it is. */
class ChatProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSecs: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSecs?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSecs = retryAfterSecs;
  }
}

/** Returns the handlers of `POST` (say) and `GET` (read). Neither rejects. */
export function createChat(
  deps: ChatDeps,
): Record<"say" | "read", (call: ChatCall) => Promise<Response>> {
  const { bus, now, uuid, log, authorize } = deps;
  const visitors = createVisitors({ secret: deps.visitorSecret, random: deps.random });
  const gates = {
    say: {
      visitor: createRateGate(LIMITS.say.visitor),
      address: createRateGate(LIMITS.say.address),
    },
    read: {
      visitor: createRateGate(LIMITS.read.visitor),
      address: createRateGate(LIMITS.read.address),
    },
  };

  const take = (gate: ReturnType<typeof createRateGate>, key: string): void => {
    const waitSecs = gate.takeClient(key, now());
    if (waitSecs > 0) throw new ChatProblem(429, "rate_limited", "Too many requests", waitSecs);
  };

  /** The contact a call speaks for: an operator's choice, or the visitor of the cookie. */
  async function contactOf(
    op: "say" | "read",
    { instance, request, client }: ChatCall,
    explicit: string | undefined,
  ): Promise<{ contact: string; setCookie?: string }> {
    if (explicit !== undefined) {
      if (await authorize(request)) return { contact: explicit };
      const status = request.headers.has("authorization") ? 403 : 401;
      throw new ChatProblem(status, "token_invalid", "A contact may be named by operators only");
    }
    take(gates[op].address, client.key);
    const known = await visitors.recognise(instance, request.headers.get("cookie"));
    if (known !== undefined) {
      take(gates[op].visitor, `${instance}/${known}`);
      return { contact: `visitor-${known}` };
    }
    const { id, setCookie } = await visitors.welcome(instance, isHttps(request));
    return { contact: `visitor-${id}`, setCookie };
  }

  async function ask(call: ChatCall, body: ChatRequest): Promise<Uint8Array<ArrayBuffer>> {
    const authorization = call.request.headers.get("authorization");
    const { data } = await bus.request(
      subjects.chat,
      new TextEncoder().encode(JSON.stringify(body)),
      {
        timeoutMs: CORE_LIMIT_MS,
        ...(authorization === null ? {} : { headers: { authorization } }),
      },
    );
    return new Uint8Array(data);
  }

  async function answered(
    requestId: string,
    status: number,
    work: () => Promise<{ body: Uint8Array<ArrayBuffer>; setCookie?: string }>,
  ): Promise<Response> {
    try {
      const { body, setCookie } = await work();
      const headers = setCookie === undefined ? undefined : { "set-cookie": setCookie };
      return jsonResponse(body, { status, requestId, headers });
    } catch (error) {
      return failed(error, requestId);
    }
  }

  function failed(error: unknown, requestId: string): Response {
    if (error instanceof ChatProblem) return problemResponse(error, requestId);
    const code = codeOf(error);
    log.warn("chat.failed", { requestId, code });
    const retryAfterSecs = ERROR_CODES[code].retry ? 5 : undefined;
    const problem = {
      status: statusOf(code),
      code,
      message: ERROR_CODES[code].says,
      retryAfterSecs,
    };
    return problemResponse(problem, requestId);
  }

  return {
    say(call) {
      const requestId = uuid();
      return answered(requestId, 202, async () => {
        assertInstance(call.instance);
        const said = await readSaid(call);
        const { contact, ...cookie } = await contactOf("say", call, said.contact);
        const { instance } = call;
        const body = await ask(call, {
          op: "say",
          instance,
          contact,
          text: said.text,
          msg_id: said.client_msg_id ?? requestId,
        });
        return { body, ...cookie };
      });
    },
    read(call) {
      return answered(uuid(), 200, async () => {
        assertInstance(call.instance);
        const query = new URL(call.request.url).searchParams;
        const after = query.get("after");
        const { contact, ...cookie } = await contactOf(
          "read",
          call,
          query.get("contact") ?? undefined,
        );
        const { instance } = call;
        const cursor = after === null ? {} : { after: after.slice(0, 128) };
        return { body: await ask(call, { op: "read", instance, contact, ...cursor }), ...cookie };
      });
    },
  };
}

function assertInstance(instance: string): void {
  if (!Slug.safeParse(instance).success) throw new ChatProblem(404, "not_found", "No such chat");
}

async function readSaid({ readBody }: ChatCall): Promise<z.infer<typeof ChatSaid>> {
  const read = await readBody(CHAT_BODY_CAP_BYTES);
  if (read.kind === "too_large") {
    throw new ChatProblem(413, "body_too_large", "The body is too large");
  }
  if (read.kind !== "body") {
    throw new ChatProblem(408, "request_timeout", "The body did not arrive in time");
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(read.bytes));
  } catch {
    throw new ChatProblem(400, "invalid_params", "The body must be JSON");
  }
  const parsed = ChatSaid.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") ?? "";
  throw new ChatProblem(
    400,
    "invalid_params",
    `${where === "" ? "body" : where}: ${issue?.message ?? ""}`,
  );
}

function isHttps(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}
