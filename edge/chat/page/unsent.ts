/**
 * What the visitor wrote and nobody has taken yet; it outlives a reload of the page.
 *
 * @module
 */

import type { ChatFile } from "../../../core/contract/chat.ts";

/** A message on its way. */
export interface Unsent {
  /** The same at every try, so that it is taken once. */
  readonly id: string;
  readonly text: string;
  /** Files that were sent up already. */
  readonly files: readonly ChatFile[];
  readonly atMs: number;
  /** Whether it was refused for good, until the visitor tries again. */
  readonly failed: boolean;
}

/** Messages on their way, oldest first. */
export interface UnsentBox {
  readonly all: () => readonly Unsent[];
  readonly put: (unsent: Unsent) => void;
  readonly delete: (id: string) => void;
}

/** Opens the box of an instance. A browser that stores nothing keeps it as long as the page. */
export function openUnsent(instance: string): UnsentBox {
  // A key for each message: tabs that share the storage never overwrite each other's.
  const prefix = `nexo.chat.${instance}.unsent.`;
  const box = new Map<string, Unsent>();
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i) ?? "";
      if (!key.startsWith(prefix)) continue;
      const unsent = readUnsent(localStorage.getItem(key));
      if (unsent !== undefined) box.set(unsent.id, unsent);
    }
  } catch {
    // Stored is nothing, or nothing may be read.
  }
  return {
    all: () => [...box.values()].toSorted((a, b) => a.atMs - b.atMs),
    put(unsent) {
      box.set(unsent.id, unsent);
      try {
        localStorage.setItem(prefix + unsent.id, JSON.stringify(unsent));
      } catch {
        // It is kept as long as the page.
      }
    },
    delete(id) {
      box.delete(id);
      try {
        localStorage.removeItem(prefix + id);
      } catch {
        // It was never there.
      }
    },
  };
}

function readUnsent(text: string | null): Unsent | undefined {
  try {
    const value = JSON.parse(text ?? "") as Partial<Unsent>;
    const { id, text: said, files = [], atMs, failed } = value;
    if (typeof id !== "string" || typeof said !== "string" || typeof atMs !== "number") {
      return undefined;
    }
    return { id, text: said, files, atMs, failed: failed === true };
  } catch {
    return undefined;
  }
}

/** An id nobody has had. `crypto.randomUUID` is not there on pages without https. */
export function newId(): string {
  return Array.from(
    crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}
