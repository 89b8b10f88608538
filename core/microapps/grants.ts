/**
 * What a microapp asks for against what its operator gave.
 *
 * @module
 */

/** A capability by its name, or with the tenants it is given for. */
export type Grant = string | { readonly capability: string };

/** A comparison of a manifest with an entry of `extensions.yaml`; every list is sorted. */
export interface Grants {
  /** What the microapp may use. */
  readonly granted: readonly string[];
  /** Keeps the microapp from starting. */
  readonly missingRequired: readonly string[];
  readonly missingOptional: readonly string[];
  /** Granted though never asked for; effective all the same. */
  readonly orphan: readonly string[];
}

/** Compares the admin capabilities of a manifest with its entry. */
export function grantsOf(
  manifest: {
    readonly capabilities: {
      readonly admin: {
        readonly required: readonly string[];
        readonly optional: readonly string[];
      };
    };
  },
  entry: { readonly capabilities_grant?: readonly Grant[] | undefined } | undefined,
): Grants {
  const { required, optional } = manifest.capabilities.admin;
  const granted = new Set(
    entry?.capabilities_grant?.map((grant) => typeof grant === "string" ? grant : grant.capability),
  );
  const declared = new Set([...required, ...optional]);
  const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();
  return {
    granted: sorted(granted),
    missingRequired: sorted(required.filter((name) => !granted.has(name))),
    missingOptional: sorted(
      optional.filter((name) => !granted.has(name) && !required.includes(name)),
    ),
    orphan: sorted([...granted].filter((name) => !declared.has(name))),
  };
}
