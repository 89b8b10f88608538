/**
 * Bodies for `nexo webhook send`, in the shape GitHub documents for its events.
 *
 * @module
 */

/** A small event of this kind about an example repository. */
export function sampleOf(kind: string): Uint8Array {
  const repository = { id: 1, name: "hello", full_name: "octo/hello", private: false };
  const sender = { id: 2, login: "octo", type: "User" };
  const details = kind === "push"
    ? {
      ref: "refs/heads/main",
      before: "0".repeat(40),
      after: "1".repeat(40),
      head_commit: { id: "1".repeat(40), message: "Say hello", author: { name: "octo" } },
    }
    : { action: "created" };
  return new TextEncoder().encode(JSON.stringify({ ...details, repository, sender }));
}
