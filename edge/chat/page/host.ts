/**
 * The page that embeds the chat: it opens and closes the window, and shows how much is unread.
 *
 * Which pages may do that the edge says in the page's policy, and browsers hold every other one off.
 *
 * @module
 */

/** The embedding page, when there is one. */
export interface HostPage {
  readonly close: () => void;
  readonly unread: (count: number) => void;
}

/** Undefined when the chat is a page of its own. `onOpen` hears that its window was opened. */
export function findHost({ onOpen }: { onOpen: () => void }): HostPage | undefined {
  const { parent } = window;
  if (parent === window) return undefined;
  addEventListener("message", ({ source, data }: MessageEvent<{ nexo?: string } | null>) => {
    if (source === parent && data?.nexo === "open") onOpen();
  });
  // Nothing in it is anybody's secret.
  const tell = (message: Record<string, unknown>): void => parent.postMessage(message, "*");
  return {
    close: () => tell({ nexo: "close" }),
    unread: (count) => tell({ nexo: "unread", count }),
  };
}
