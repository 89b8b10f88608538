/**
 * Whether the server can be reached, as the last question and the stream of events found it.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";

function createConnection() {
  const listeners = new Set<(isLost: boolean) => void>();
  let isLost = false;
  function set(next: boolean): void {
    if (next === isLost) return;
    isLost = next;
    for (const listener of listeners) listener(next);
  }
  return {
    lost: (): void => set(true),
    found: (): void => set(false),
    isLost: (): boolean => isLost,
    /** Returns the way to stop. */
    listen(listener: (isLost: boolean) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The page's connection. */
export const connection = createConnection();

/** Whether the page waits for its server. */
export function useLost(): boolean {
  const [isLost, setLost] = useState(connection.isLost());
  useEffect(() => {
    setLost(connection.isLost());
    return connection.listen(setLost);
  }, []);
  return isLost;
}
