/**
 * What `nexo ext` changes: through the daemon when one runs, in the files when none does.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { codeOf } from "../../contract/mod.ts";
import { openLiveSettings } from "../../daemon/config.ts";
import type { AppliedEdit } from "../../daemon/extension_desk.ts";
import { AGENT_VERSION } from "../../daemon/microapps.ts";
import { discoverMicroapps } from "../../microapps/discovery.ts";
import { editEntry, type EntryEdit } from "../../microapps/install/entry_edit.ts";
import { type ListedMicroapp, listMicroapps } from "../../microapps/listing.ts";
import type { DaemonClient } from "../client.ts";
import type { CliContext } from "../command.ts";
import { findConfig } from "../config_dir.ts";

/** See the module. */
export interface ExtBackend {
  readonly runs: boolean;
  readonly list: () => Promise<readonly ListedMicroapp[]>;
  /** @throws {ConfigError} when the config would be wrong; then nothing has changed */
  readonly apply: (edit: EntryEdit) => Promise<AppliedEdit>;
}

/** The daemon of this home, else the config that `nexo dev` would use. */
export async function openExtBackend(
  context: CliContext,
  config: string | undefined,
): Promise<ExtBackend> {
  const client = await findDaemon(context);
  return client === undefined ? overFiles(context, config) : overDaemon(client);
}

/** The daemon, when it answers. */
async function findDaemon({ daemon }: CliContext): Promise<DaemonClient | undefined> {
  try {
    const client = await daemon();
    await client.call("status");
    return client;
  } catch (error) {
    if (codeOf(error) === "daemon_not_running") return undefined;
    throw error;
  }
}

function overDaemon({ call }: DaemonClient): ExtBackend {
  return {
    runs: true,
    list: async () => (await call<{ microapps: ListedMicroapp[] }>("ext/list")).microapps,
    apply: (edit) => call<AppliedEdit>("ext/apply", edit),
  };
}

async function overFiles(context: CliContext, config: string | undefined): Promise<ExtBackend> {
  const { env, home } = context;
  const configDir = await findConfig(context, config);
  const live = await openLiveSettings({ configDir, env, uuid: randomUUID });
  return {
    runs: false,
    async list() {
      const { extensions } = live.current();
      const discovery = await discoverMicroapps({
        config: extensions,
        configDir,
        homeDir: home.root,
        env,
        agentVersion: AGENT_VERSION,
      });
      return listMicroapps(discovery, extensions);
    },
    async apply(edit) {
      const { changed, settings } = await live.change((draft) => editEntry(draft, edit));
      return { changed, config_version: settings.version, microapp: null };
    },
  };
}
