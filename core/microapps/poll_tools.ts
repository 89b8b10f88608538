/**
 * Tools that come with a kind of job: asked for once, after the handshake, under names of their own.
 *
 * @module
 */
import { messageOf } from "../contract/mod.ts";
import { type Handshake, readTools } from "./handshake.ts";

/** Asks a microapp for the tools of a kind. */
export type ListPollTools = (kind: string) => Promise<unknown>;

/** The handshake with the tools of all `kinds`; a kind whose tools cannot be had has none. */
export async function withPollTools(
  handshake: Handshake,
  kinds: readonly string[],
  list: ListPollTools,
): Promise<Handshake> {
  const warnings: string[] = [];
  const lists = await Promise.all(kinds.map(async (kind) => {
    const warn = (text: string): void => void warnings.push(`poller "${kind}": ${text}`);
    try {
      const answer = await list(kind);
      if (!Array.isArray(answer)) warn("poll_list_tools answered no list");
      return readTools(answer, warn).map((tool) => ({ ...tool, poller: kind }));
    } catch (error) {
      warn(`its tools are not known: ${messageOf(error)}`);
      return [];
    }
  }));
  return {
    ...handshake,
    tools: [...handshake.tools, ...lists.flat()],
    warnings: [...handshake.warnings, ...warnings],
  };
}
