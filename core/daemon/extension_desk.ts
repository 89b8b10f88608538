/**
 * Microapps as an operator handles them: found again, listed, switched, granted, put elsewhere.
 *
 * @module
 */
import { aborted } from "../flow/aborted.ts";
import { openDeadline } from "../flow/deadline.ts";
import type { Host } from "../microapps/host.ts";
import { editEntry, type EntryEdit } from "../microapps/install/entry_edit.ts";
import { type ListedMicroapp, listMicroapps } from "../microapps/listing.ts";
import type { MicroappStatus } from "../microapps/slots.ts";
import type { ChangeConfig } from "../settings/draft.ts";
import { type MicroappPlaces, searchMicroapps } from "./microapps.ts";

/** What the desk works on. */
export interface ExtensionDeskDeps extends MicroappPlaces {
  readonly change: ChangeConfig;
  readonly host: Host;
  readonly refresh: () => Promise<unknown>;
}

/** What a change led to. */
export interface AppliedEdit {
  /** Whether `extensions.yaml` says something else now. */
  readonly changed: boolean;
  readonly config_version: number;
  /** How the microapp is then; null when it does not run. */
  readonly microapp: MicroappStatus | null;
}

/** See the module. */
export interface ExtensionDesk {
  readonly list: () => Promise<ListedMicroapp[]>;
  /**
   * Changes what `extensions.yaml` says of a microapp, looks for it again and waits up to `waitMs` for
   * its handshake.
   *
   * @throws {ConfigError}
   */
  readonly apply: (edit: EntryEdit, options: { waitMs: number }) => Promise<AppliedEdit>;
}

/** Returns the desk. */
export function createExtensionDesk(deps: ExtensionDeskDeps): ExtensionDesk {
  const { settings, change, host, refresh } = deps;
  return {
    async list() {
      const { extensions } = settings();
      return listMicroapps(await searchMicroapps(deps), extensions);
    },
    async apply(edit, { waitMs }) {
      const { changed } = await change((draft) => editEntry(draft, edit));
      await refresh();
      using limit = openDeadline(undefined, waitMs);
      await Promise.race([host.settled(edit.id), aborted(limit.signal)]);
      const microapp = host.status().find(({ id }) => id === edit.id) ?? null;
      return { changed, config_version: settings().version, microapp };
    },
  };
}
