import { defineConfig } from "vitest/config";

/** Slow suites start real processes, so their files run one after another. */
const project = (name: string, include: string[], seconds: number, parallel: boolean) => ({
  extends: true as const,
  test: {
    name,
    include,
    // The templates' own tests run as their users run them.
    exclude: ["**/node_modules/**", "**/dist/**", "extensions/templates/**"],
    testTimeout: seconds * 1000,
    hookTimeout: seconds * 1000,
    fileParallelism: parallel,
    pool: "forks" as const,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", ["test/unit/**/*.test.ts", "extensions/**/*.test.ts"], 30, true),
      project("integration", ["test/integration/**/*.test.ts"], 120, false),
      project("browser", ["test/browser/**/*.test.ts"], 120, false),
      project("chaos", ["test/chaos/**/*.test.ts"], 420, false),
    ],
  },
});
