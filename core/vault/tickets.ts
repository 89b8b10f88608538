/**
 * Tickets: for a minute and once, a token in a form that may stand in a URL.
 *
 * They live in core, so that one given out by one edge is good at another, and only once among all.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import { z } from "zod";

import type { Bus } from "../bus/bus.ts";
import { type Clock, CodedError, type Random, subjects } from "../contract/mod.ts";

/** What {@linkcode serveTickets} needs. */
export interface TicketDeps {
  readonly bus: Pick<Bus, "respond">;
  /** Resolves when a token is good now. @throws {CodedError} `token_invalid` */
  readonly verify: (token: string) => Promise<unknown>;
  readonly random: Random;
  readonly now: Clock;
  /** Ends the service. */
  readonly signal?: AbortSignal | undefined;
}

/** A ticket as it is handed out. */
export interface Ticket {
  readonly ticket: string;
  readonly expires_at_ms: number;
}

/** The desk behind {@linkcode serveTickets}. */
export interface TicketDesk {
  /** A ticket for a token made here, for as long as a person needs to follow a link, in milliseconds. */
  readonly issueFor: (token: string, ttlMs: number) => Ticket;
}

const TICKET_MS = 60_000;
/** Beyond this the oldest is forgotten. */
const MAX_TICKETS = 10_000;

const TicketRequest = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal("issue") }),
  z.strictObject({ op: z.literal("redeem"), ticket: z.string().max(128) }),
]);

/**
 * Answers `nexo.rpc.ticket`: `{op: "issue"}` with a bearer gives `{ticket, expires_at_ms}`, and
 * `{op: "redeem", ticket}` gives `{token}` once. Returns the desk for core's own links.
 */
export function serveTickets({ bus, verify, random, now, signal }: TicketDeps): TicketDesk {
  const tickets = new LRUCache<string, { token: string; expiresAtMs: number }>({
    max: MAX_TICKETS,
  });

  async function issue(authorization: string | undefined) {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) {
      throw new CodedError("token_invalid", "Cannot give a ticket: a token is required");
    }
    await verify(token);
    return issueFor(token, TICKET_MS);
  }

  function issueFor(token: string, ttlMs: number): Ticket {
    const ticket = Buffer.from(random(new Uint8Array(32))).toString("base64url");
    const expiresAtMs = now() + ttlMs;
    tickets.set(ticket, { token, expiresAtMs });
    return { ticket, expires_at_ms: expiresAtMs };
  }

  function redeem(ticket: string) {
    const found = tickets.get(ticket);
    tickets.delete(ticket);
    if (found === undefined || found.expiresAtMs <= now()) {
      throw new CodedError(
        "token_invalid",
        "Cannot take the ticket: it is unknown, used or expired",
      );
    }
    return { token: found.token };
  }

  bus.respond(subjects.ticket, { signal }, async ({ data, headers }) => {
    const request = TicketRequest.safeParse(parseJson(data));
    if (!request.success) {
      throw new CodedError("invalid_params", "Cannot handle the ticket: the request is malformed");
    }
    const answer = request.data.op === "issue"
      ? await issue(headers["authorization"])
      : redeem(request.data.ticket);
    return new TextEncoder().encode(JSON.stringify(answer));
  });
  return { issueFor };
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}
