/**
 * What all checks across files share.
 *
 * @module
 */
import { type AgentConfig, DEFAULT_ACCOUNT, OFFLINE_PROVIDER } from "../contract/mod.ts";
import { closest, type Problem } from "./problems.ts";
import type { Settings } from "./settings.ts";
import type { Path, Place } from "./yaml_file.ts";

/** Who has an agent: the file and the index in it. */
export interface AgentOrigin {
  readonly file: string;
  readonly index: number;
  readonly agent: AgentConfig;
}

/** What the checks look at. */
export interface Checked {
  readonly settings: Omit<Settings, "agents" | "version">;
  readonly origins: readonly AgentOrigin[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The secret a `secret_env` names; undefined when there is none. */
  readonly secretOf: (name: string) => string | undefined;
  /** Whether `nexo dev` would make that secret. */
  readonly isSecretToMake: (name: string) => boolean;
  /** Where a key stands; `file` is absolute or a name such as `llm.yaml`. */
  readonly place: (file: string, path: Path) => Place & { readonly file: string };
}

/** Notes a problem at a key; `blocking` unless it is a warning. */
export type Report = (
  severity: Problem["severity"],
  file: string,
  path: Path,
  message: string,
  fix: string,
  blocking?: boolean,
) => void;

/** Reports a tenant that is named and not declared. */
export function reportTenant(
  { tenants, singleTenant }: Checked["settings"],
  account: string | undefined,
  file: string,
  path: Path,
  report: Report,
  severity: Problem["severity"] = "error",
): void {
  if (account === undefined || tenants.has(account)) return;
  const meant = singleTenant ? undefined : closest(account, tenants.keys());
  const fix = meant !== undefined
    ? `Did you mean "${meant}"?`
    : `Declare it in tenants.yaml${
      singleTenant ? `, or remove it to use "${DEFAULT_ACCOUNT}"` : ""
    }`;
  report(severity, file, path, `tenant "${account}" is not declared`, fix);
}

/** Providers an agent may name: of its tenant, or of any tenant when it has none. */
export function knownProviders(
  { llm }: Checked["settings"],
  account: string | undefined,
): Set<string> {
  const own = account === undefined
    ? Object.values(llm.tenants)
    : Object.entries(llm.tenants).flatMap(([id, tenant]) => id === account ? [tenant] : []);
  return new Set([
    OFFLINE_PROVIDER,
    ...Object.keys(llm.providers),
    ...own.flatMap(({ providers }) => Object.keys(providers)),
  ]);
}

/** What to do about a provider that is not configured. */
export function providerFix(name: string, known: ReadonlySet<string>): string {
  const meant = closest(name, known);
  return meant === undefined
    ? `Add "${name}" to providers in llm.yaml, or use ${[...known].join(" or ")}`
    : `Did you mean "${meant}"?`;
}
