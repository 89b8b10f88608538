/**
 * The web channel over plain HTTP: say something, read what was answered.
 *
 * @module
 */
import { z } from "zod";
import { CHAT_TEXT_CHARS } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { BodyRead } from "../adapter.ts";
import { jsonResponse, problemResponse } from "../reply.ts";
import type { Client } from "../webhooks/client_ip.ts";
import type { AskChat } from "./core_desk.ts";
import type { ChatDoor } from "./door.ts";
import { ChatProblem, problemOf } from "./problem.ts";

/** Bytes of one message with its JSON around it: 8000 characters of four bytes, escaped. */
export const CHAT_BODY_CAP_BYTES = 64 * 1024;

/** What a visitor says. */
export const ChatSaid = z.strictObject({
  text: z.string().max(CHAT_TEXT_CHARS).refine((text) => text.trim() !== "", "must not be empty"),
  /** The client's own id of the message; saying it again says it once. */
  client_msg_id: z.string().min(1).max(128).optional(),
  /** For operators: whom to speak as. */
  contact: z.string().min(1).max(512).optional(),
});

/** What the routes need. */
export interface ChatMessagesDeps {
  readonly ask: AskChat;
  readonly door: ChatDoor;
  readonly uuid: () => string;
  readonly log: Log;
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

/** Returns the handlers of `POST` (say) and `GET` (read). Neither rejects. */
export function createChatMessages(
  { ask, door, uuid, log, authorize }: ChatMessagesDeps,
): Record<"say" | "read", (call: ChatCall) => Promise<Response>> {
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
    door.assertOwnPage(request);
    door.takeAddress(op, client);
    const known = await door.recognise(instance, request);
    if (known !== undefined) {
      door.takeVisitor(op, instance, known);
      return { contact: contactOfVisitor(known) };
    }
    const { id, setCookie } = await door.welcome(instance, request);
    return { contact: contactOfVisitor(id), setCookie };
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
      return problemResponse(problemOf(error, requestId, log), requestId);
    }
  }

  return {
    say(call) {
      const requestId = uuid();
      return answered(requestId, 202, async () => {
        door.assertInstance(call.instance);
        const said = await readSaid(call);
        const { contact, ...cookie } = await contactOf("say", call, said.contact);
        const { instance } = call;
        const body = await ask({
          op: "say",
          instance,
          contact,
          text: said.text,
          msg_id: said.client_msg_id ?? requestId,
        }, call.request.headers.get("authorization"));
        return { body, ...cookie };
      });
    },
    read(call) {
      return answered(uuid(), 200, async () => {
        door.assertInstance(call.instance);
        const query = new URL(call.request.url).searchParams;
        const after = query.get("after");
        const { contact, ...cookie } = await contactOf(
          "read",
          call,
          query.get("contact") ?? undefined,
        );
        const { instance } = call;
        const cursor = after === null ? {} : { after: after.slice(0, 64) };
        const authorization = call.request.headers.get("authorization");
        const body = await ask({ op: "read", instance, contact, ...cursor }, authorization);
        return { body, ...cookie };
      });
    },
  };
}

/** How core knows a visitor. */
export function contactOfVisitor(visitor: string): string {
  return `visitor-${visitor}`;
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
