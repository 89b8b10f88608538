/**
 * The environment a child gets: its parent's, without secrets.
 *
 * @module
 */

/** Names and values, as in `process.env`. */
export type Env = Readonly<Record<string, string | undefined>>;

const BLOCKED_ENDINGS = [
  "_TOKEN",
  "_KEY",
  "_SECRET",
  "_PASSWORD",
  "_PASSWD",
  "_PWD",
  "_CREDENTIAL",
  "_CREDENTIALS",
  "_PAT",
  "_AUTH",
  "_APIKEY",
  "_BEARER",
  "_SESSION",
];
const BLOCKED_PARTS = ["PASSWORD", "SECRET", "CREDENTIAL", "PRIVATE_KEY"];

/** What opens core itself; no manifest can ask for it. The address of the bus may carry a password. */
const OWN_SECRETS: ReadonlySet<string> = new Set([
  "NEXO_EDGE_KEY",
  "NEXO_NATS_CREDS",
  "NEXO_NATS_URL",
]);

/** Whether a variable looks like a secret by its name. */
export function isBlockedName(name: string): boolean {
  const upper = name.toUpperCase();
  return BLOCKED_ENDINGS.some((ending) => upper.endsWith(ending)) ||
    BLOCKED_PARTS.some((part) => upper.includes(part));
}

/** The value of a variable that a manifest names; undefined for what no manifest can ask for. */
export function namedValue(env: Env, name: string): string | undefined {
  return OWN_SECRETS.has(name) ? undefined : env[name] || undefined;
}

/**
 * The variables of a child: all of `parent` that look harmless, those that `passed` names (from the
 * manifest: `requires.env`, `extra_env_passthrough`), and `added`, which win.
 */
export function childEnv(
  { parent, passed, added }: {
    parent: Env;
    passed: readonly string[];
    added: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  const wanted = new Set(passed);
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(parent)) {
    if (value === undefined || OWN_SECRETS.has(name)) continue;
    if (wanted.has(name) || !isBlockedName(name)) env[name] = value;
  }
  return { ...env, ...added };
}
