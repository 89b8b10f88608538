/**
 * A measured process's line to the bench that started it.
 *
 * @module
 */
import process from "node:process";

/** Says that this process is ready, and what the bench must know of it. */
export function sayReady(ready: Readonly<Record<string, unknown>>): void {
  process.send?.(ready);
}

/** Answers the bench's questions, one at a time; what `answer` throws fails the round. */
export function onQuestion<Question>(answer: (question: Question) => Promise<object>): void {
  process.on("message", (question) => {
    answer(question as Question).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ failure: String(error) }),
    );
  });
}

/** Resolves when the bench wants this process to end, or is gone. */
export function benchGone(): Promise<void> {
  return new Promise((resolve) => process.once("disconnect", () => resolve()));
}
