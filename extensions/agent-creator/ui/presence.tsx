/**
 * Colleagues who have a conversation open.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useAnswer } from "./hooks.ts";
import { Badge } from "./parts.tsx";
import type { Presence, User } from "./types.ts";

/** Who else has a conversation open, by name; nobody while that is not known. */
export type OthersIn = (session: string | undefined) => readonly string[];

/** Asks for it, and again whenever somebody came or went. */
export function useOthers(account: string, { id: own }: User): OthersIn {
  const { data } = useAnswer<Presence>(`tenants/${account}/presence`, "presence");
  return (session) =>
    (session === undefined ? [] : data?.here[session] ?? [])
      .filter(({ id }) => id !== own).map(({ name }) => name);
}

/** Says who is there. */
export function Here({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  return <Badge tone="here">{listed(names)} {names.length === 1 ? "is" : "are"} here</Badge>;
}

const conjunction = new Intl.ListFormat("en", { type: "conjunction" });

function listed(names: readonly string[]): string {
  const named = names.slice(0, 3);
  const more = names.length - named.length;
  return conjunction.format(more === 0 ? named : [...named, `${more} more`]);
}
