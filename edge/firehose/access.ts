/**
 * Who asks: the token of a request, wherever it may stand, and tickets for where it may not.
 *
 * @module
 */
import { z } from "zod";
import type { Bus } from "../../core/bus/bus.ts";
import { BEARER_PROTOCOL_PREFIX, CodedError, subjects } from "../../core/contract/mod.ts";

/** What {@linkcode createAccess} needs. */
export interface AccessDeps {
  readonly bus: Pick<Bus, "request">;
  /** The token behind a session cookie, for browsers that signed in here. */
  readonly cookieToken?: ((request: Request) => string | undefined) | undefined;
}

/** A ticket: good once, within a minute. */
export interface Ticket {
  readonly ticket: string;
  readonly expires_at_ms: number;
}

/** Finds tokens and handles tickets. */
export interface Access {
  /**
   * The token of `Authorization`, of a `bearer.<token>` subprotocol, behind the ticket of `?token=`, or
   * behind a cookie.
   *
   * @throws {CodedError} `token_invalid` when there is none, or what keeps core from taking a ticket
   */
  tokenOf(request: Request): Promise<string>;
  /** The token behind a ticket, once. @throws {CodedError} `token_invalid`, or what keeps core from taking it */
  redeem(ticket: string): Promise<string>;
  /** @throws {CodedError} `token_invalid`, or what keeps core from giving one */
  ticketFor(token: string): Promise<Ticket>;
}

const CORE_LIMIT_MS = 10_000;

/** What `POST /session` answers. */
export const TicketAnswer = z.object({ ticket: z.string(), expires_at_ms: z.int() });
const TokenAnswer = z.object({ token: z.string() });

/** Builds the door. */
export function createAccess({ bus, cookieToken }: AccessDeps): Access {
  async function askCore<T>(
    schema: z.ZodType<T>,
    body: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const { data } = await bus.request(
      subjects.ticket,
      new TextEncoder().encode(JSON.stringify(body)),
      { headers, timeoutMs: CORE_LIMIT_MS },
    );
    return schema.parse(JSON.parse(new TextDecoder().decode(data)));
  }

  async function redeem(ticket: string): Promise<string> {
    if (ticket.includes(".")) {
      throw new CodedError(
        "token_invalid",
        "Cannot accept the token: in a URL only a ticket of POST /session is taken",
      );
    }
    return (await askCore(TokenAnswer, { op: "redeem", ticket: ticket.slice(0, 128) })).token;
  }

  return {
    async tokenOf(request) {
      const { headers } = request;
      const bearer = /^Bearer (\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
      if (bearer !== undefined) return bearer;
      const protocol = protocolsOf(headers).find((one) => one.startsWith(BEARER_PROTOCOL_PREFIX));
      if (protocol !== undefined) return protocol.slice(BEARER_PROTOCOL_PREFIX.length);
      const ticket = new URL(request.url).searchParams.get("token");
      if (ticket !== null) return redeem(ticket);
      // A cookie comes along with whatever page opens the connection, so that must be one of ours.
      const own = isSameOrigin(request) ? cookieToken?.(request) : undefined;
      if (own !== undefined) return own;
      throw new CodedError("token_invalid", "Cannot go on: a bearer token is required");
    },
    redeem,
    ticketFor: (token) =>
      askCore(TicketAnswer, { op: "issue" }, { authorization: `Bearer ${token}` }),
  };
}

function protocolsOf(headers: Headers): string[] {
  const offered = headers.get("sec-websocket-protocol") ?? "";
  return offered.split(",").map((one) => one.trim());
}

/** Whether a page of this very edge made the request, as far as a browser tells. */
export function isSameOrigin({ headers }: Request): boolean {
  const origin = headers.get("origin");
  if (origin === null) return headers.get("sec-fetch-site") !== "cross-site";
  return URL.canParse(origin) && new URL(origin).host === headers.get("host");
}
