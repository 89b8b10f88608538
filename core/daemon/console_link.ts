/**
 * Links to the console that sign their holder in, once.
 *
 * @module
 */
import type { OperatorConsoleDeps } from "../admin/operator_console.ts";
import type { TicketDesk } from "../vault/tickets.ts";
import type { TokenDesk } from "./tokens.ts";

/** Long enough to find the terminal again. */
const LINK_MS = 15 * 60 * 1000;

/**
 * Returns the maker of links. The ticket stands in the fragment, which browsers neither send nor pass
 * on to other sites.
 */
export function createConsoleLink({ tokens, tickets, edgeUrl }: {
  tokens: Pick<TokenDesk, "create">;
  tickets: TicketDesk;
  edgeUrl: () => string | undefined;
}): OperatorConsoleDeps["consoleLink"] {
  return async function consoleLink(subject) {
    const { token } = await tokens.create({ subject, scope: ["operator"], ttlMs: LINK_MS });
    const { ticket, expires_at_ms } = tickets.issueFor(token, LINK_MS);
    const url = edgeUrl();
    const path = `/console#ticket=${ticket}`;
    return { path, url: url === undefined ? null : url + path, expires_at_ms };
  };
}
