/**
 * The admin methods over real config files, with an audit that can be looked into.
 *
 * @module
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createDispatcher, type Dispatch } from "../../core/admin/dispatcher.ts";
import type { AdminMethod, Caller } from "../../core/admin/method.ts";
import { switchedOffBy } from "../../core/contract/mod.ts";
import { type LiveSettings, openLiveSettings } from "../../core/daemon/config.ts";
import { silentLog } from "./store.ts";

/** A microapp with these grants: of all tenants, or of some. */
export function microapp(
  grants: Readonly<Record<string, "all" | readonly string[]>>,
  id = "shop",
): Caller {
  return { kind: "microapp", id, grant: (capability) => grants[capability] };
}

/** An operator. */
export const operator: Caller = { kind: "operator", subject: "sam" };

/** A config directory under a daemon's own settings. */
export interface ConfigPlace extends AsyncDisposable {
  readonly dir: string;
  readonly configDir: string;
  readonly config: LiveSettings;
  readonly env: Record<string, string | undefined>;
  readonly read: (name: string) => Promise<string>;
  readonly write: (name: string, text: string) => Promise<void>;
}

/** Writes the files and loads them; disposing removes them. */
export async function openConfigPlace(
  files: Readonly<Record<string, string>>,
): Promise<ConfigPlace> {
  const dir = await mkdtemp(join(tmpdir(), "nexo-admin-"));
  const configDir = join(dir, "config");
  const write = async (name: string, text: string): Promise<void> => {
    const file = join(configDir, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const env: Record<string, string | undefined> = { NEXO_HOME: join(dir, "home") };
  const uuid = () => crypto.randomUUID();
  return {
    dir,
    configDir,
    env,
    config: await openLiveSettings({ configDir, env, uuid }),
    read: (name) => readFile(join(configDir, name), "utf8"),
    write,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A dispatcher over `methods`, and what it put on record: `phase method capability account|result code`. */
export function openDispatch(
  methods: readonly AdminMethod[],
  isTenant: (account: string) => boolean = () => false,
  env: Readonly<Record<string, string | undefined>> = {},
): { dispatch: Dispatch; audit: string[] } {
  const audit: string[] = [];
  const dispatch = createDispatcher({
    methods,
    audit: {
      intent({ method, capability, account }) {
        audit.push(`intent ${method} ${capability} ${account}`);
        return Promise.resolve("1");
      },
      outcome(_id, { method }, { result, errorCode }) {
        audit.push(`outcome ${method} ${result} ${errorCode}`);
        return Promise.resolve();
      },
    },
    isTenant,
    switchedOffBy: (method) => switchedOffBy(env, method),
    now: Date.now,
    log: silentLog,
  });
  return { dispatch, audit };
}
