/**
 * What tests of the way out look at.
 *
 * @module
 */
import { vi } from "vitest";
import type { Store } from "../../core/store/store.ts";

/** Waits as long as a busy machine needs. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000 });
}

/** The states of all messages in the outbox, in the order they came. */
export async function outboxStates(store: Store): Promise<string[]> {
  const rows = await store.read<{ state: string }>("SELECT state FROM outbox ORDER BY rowid");
  return rows.map(({ state }) => state);
}
