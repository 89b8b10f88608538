/**
 * Operator methods over the microapps there are: which, and changing what is said of one.
 *
 * @module
 */
import { z } from "zod";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** A change to what `extensions.yaml` says of one microapp; what is absent stays as it is. */
export interface ExtensionEdit {
  readonly id: string;
  readonly enabled?: boolean | undefined;
  readonly grant?: readonly string[] | undefined;
  readonly path?: string | null | undefined;
  readonly forget?: boolean | undefined;
}

/** What {@linkcode operatorExtensionMethods} needs. */
export interface OperatorExtensionDeps {
  readonly listMicroapps: () => Promise<readonly unknown[]>;
  readonly applyExtension: (
    edit: ExtensionEdit,
    options: { waitMs: number },
  ) => Promise<unknown>;
}

const MicroappId = z.string().regex(
  /^[a-z][a-z0-9_-]{0,63}$/,
  "must be 1 to 64 of a-z, 0-9, _ and -, a letter first",
);

/** Returns the methods. */
export function operatorExtensionMethods(deps: OperatorExtensionDeps): AdminMethod[] {
  return [
    operatorMethod(
      "ext/list",
      z.object({}),
      async () => ({ microapps: await deps.listMicroapps() }),
      { unaudited: true },
    ),
    operatorMethod(
      "ext/apply",
      z.object({
        id: MicroappId,
        enabled: z.boolean().optional(),
        grant: z.array(z.string().min(1).max(128)).max(100).optional(),
        /** Absolute, or null when it is not said any more. */
        path: z.string().regex(/^\//, "must be absolute").nullable().optional(),
        forget: z.boolean().optional(),
        wait_ms: z.int().min(0).max(60_000).default(15_000),
      }),
      ({ wait_ms, ...edit }) => deps.applyExtension(edit, { waitMs: wait_ms }),
    ),
  ];
}
