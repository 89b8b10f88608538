/**
 * The microapps page.
 *
 * @module
 */

/** The texts, by where they stand. */
export const MICROAPPS = {
  microapps: {
    intro: "Child programs that give agents their tools.",
    version: (version: string) => `version ${version}`,
    pid: "Process",
    restarts: "Restarts",
    tools: "Tools",
    hooks: "Hooks",
    grants: "Grants",
    sandbox: "Sandbox",
    sandboxNotes: "What it leaves open",
    http: "HTTP",
    none: "none",
    stderr: (id: string) => `Last lines ${id} wrote on stderr`,
    stderrTitle: "Standard error",
    quiet: "It has written nothing.",
    restart: "Restart",
    restartTitle: (id: string) => `Restart ${id}?`,
    restartText: "Calls under way fail. Turns that need it try again; other microapps go on.",
    restarting: "Restarting",
    restarted: "Restarted",
    emptyTitle: "No microapps",
    empty: "A microapp is a directory with a plugin.toml. Make one that works:",
    emptyCommand: "npx nexo init my-microapp",
  },
} as const;
