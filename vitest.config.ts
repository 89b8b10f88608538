import { defineConfig } from "vitest/config";
import { LongFirst } from "./test/support/sequencer.ts";

interface Kind {
  readonly name: string;
  readonly include: readonly string[];
  /** For a test and for a hook. */
  readonly seconds: number;
  /** Files at a time. Those that start programs wait for them more than they compute. */
  readonly workers: number;
  /** Kinds with the same number run together, the next number afterwards. */
  readonly turn: number;
}

const kinds: readonly Kind[] = [
  {
    name: "unit",
    include: ["test/unit/**/*.test.ts", "extensions/**/*.test.ts"],
    seconds: 60,
    workers: 2,
    turn: 0,
  },
  {
    name: "integration",
    include: ["test/integration/**/*.test.ts"],
    seconds: 120,
    workers: 3,
    turn: 1,
  },
  { name: "browser", include: ["test/browser/**/*.test.ts"], seconds: 120, workers: 3, turn: 1 },
  { name: "chaos", include: ["test/chaos/**/*.test.ts"], seconds: 420, workers: 3, turn: 1 },
];

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: kinds.map(({ name, include, seconds, workers, turn }) => ({
      extends: true as const,
      test: {
        name,
        include: [...include],
        // The templates' own tests run as their users run them.
        exclude: ["**/node_modules/**", "**/dist/**", "extensions/templates/**"],
        testTimeout: seconds * 1000,
        hookTimeout: seconds * 1000,
        // What is waited for comes or the test has failed: this much sooner, to say what did not come.
        expect: { poll: { timeout: seconds * 750 } },
        pool: "forks" as const,
        // Rooms keep no state of their own, so files can share what they import.
        isolate: name !== "unit",
        maxWorkers: workers,
        sequence: { sequencer: LongFirst, groupOrder: turn },
      },
    })),
  },
});
