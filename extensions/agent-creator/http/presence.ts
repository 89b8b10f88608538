/**
 * Who has which conversation open, as long as their page's stream of events is.
 *
 * Nothing is kept: after a restart pages come back, and say again what they show.
 *
 * @module
 */
import type { User } from "../store/users.ts";

/** Somebody who looks at a conversation. */
export type Watcher = Pick<User, "id" | "name">;

/** The people at open pages. */
export interface Presence {
  /** Counts somebody in, once more for each page. Disposing counts this page out. */
  readonly enter: (account: string, session: string, user: Watcher) => Disposable;
  /** By session; a conversation nobody looks at is not there. */
  readonly of: (account: string) => Readonly<Record<string, readonly Watcher[]>>;
}

/** Returns it with nobody there; `onChange` hears whose tenant's people came or went. */
export function createPresence(onChange: (account: string) => void): Presence {
  const rooms = new Map<string, Map<string, Set<{ readonly user: Watcher }>>>();
  return {
    enter(account, session, { id, name }) {
      const sessions = rooms.get(account) ?? new Map<string, Set<{ readonly user: Watcher }>>();
      rooms.set(account, sessions);
      const pages = sessions.get(session) ?? new Set();
      sessions.set(session, pages);
      const page = { user: { id, name } };
      pages.add(page);
      onChange(account);
      return {
        [Symbol.dispose]() {
          if (!pages.delete(page)) return;
          if (pages.size === 0) sessions.delete(session);
          if (sessions.size === 0) rooms.delete(account);
          onChange(account);
        },
      };
    },
    of(account) {
      const sessions = [...rooms.get(account) ?? []];
      return Object.fromEntries(sessions.map(([session, pages]) => {
        const people = new Map([...pages].map(({ user }) => [user.id, user]));
        return [session, [...people.values()]];
      }));
    },
  };
}
