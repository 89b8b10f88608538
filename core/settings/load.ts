/**
 * All config files at once: one frozen snapshot, or every reason why there is none.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  type AgentConfig,
  DEFAULT_ACCOUNT,
  messageOf,
  type PluginsConfig,
  TenantConfig,
  type TenantsFile,
} from "../contract/mod.ts";
import type { AgentOrigin } from "./checks.ts";
import { crossCheck } from "./cross_checks.ts";
import { isDropIn } from "./draft.ts";
import { BUILT_CHANNELS, type FileKind, FILES, PLUGINS, UNUSED_FILES } from "./files.ts";
import { deepFreeze, frozenMap } from "./freeze.ts";
import type { Sources } from "./interpolate.ts";
import { closest, type Problem, sortProblems } from "./problems.ts";
import { type ConfigFile, readConfig } from "./read_file.ts";
import { createSecretReader, defaultSecretsDirs, findSecret, isSecretToMake } from "./secrets.ts";
import type { Settings, Tenant } from "./settings.ts";
import type { Path, Place } from "./yaml_file.ts";

/** Where settings come from. */
export interface LoadOptions {
  readonly configDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where `${file:…}` and `secret_env` files may lie. @default {defaultSecretsDirs} */
  readonly secretsDirs?: readonly string[];
  /** The secret a `secret_env` names. @default {findSecret} */
  readonly secretOf?: (name: string) => string | undefined;
  /** Of the snapshot; the one before plus 1. @default {1} */
  readonly version?: number;
  /** Texts that stand for files, by absolute path: a change before it is made. */
  readonly drafts?: ReadonlyMap<string, string>;
}

/** What {@linkcode loadSettings} found. */
export interface Loaded {
  /** Undefined when a problem is blocking. */
  readonly settings: Settings | undefined;
  /** In the order of the files. */
  readonly problems: readonly Problem[];
}

/**
 * Reads, fills in, checks and freezes the config in `configDir`.
 *
 * Never rejects for what is in the files: that becomes {@linkcode Loaded.problems}.
 */
export async function loadSettings(options: LoadOptions): Promise<Loaded> {
  const { env, version = 1 } = options;
  const configDir = resolve(options.configDir);
  const secretsDirs = options.secretsDirs ?? defaultSecretsDirs(configDir, env);
  const readSecret = createSecretReader({ configDir, secretsDirs });
  const reader = createReader(configDir, { env, readSecret }, options.drafts ?? new Map());

  const agentFiles = await readAgents(reader);
  const [tenants, webhooks, extensions, llm, transcripts, broker, pollers, oversight, mcp] =
    await Promise.all([
      reader.read(FILES.tenants),
      reader.read(FILES.webhooks),
      reader.read(FILES.extensions),
      reader.read(FILES.llm),
      reader.read(FILES.transcripts),
      reader.read(FILES.broker),
      reader.read(FILES.pollers),
      reader.read(FILES.oversight),
      reader.read(FILES.mcp),
    ]);
  const plugins = await readPlugins(reader);
  await warnOfUnusedFiles(reader);
  const { problems } = reader;
  if (
    agentFiles.some(({ value }) => value === undefined) || !tenants || !webhooks || !extensions ||
    !llm || !transcripts || !broker || !pollers || !oversight || !mcp || !plugins
  ) return { settings: undefined, problems: sortProblems(problems) };

  const origins: AgentOrigin[] = agentFiles.flatMap(({ file, value }) =>
    (value?.agents ?? []).map((agent, index) => ({ file, index, agent }))
  );
  const singleTenant = Object.keys(tenants.tenants).length === 0;
  const settings = {
    configDir,
    singleTenant,
    tenants: frozenMap(tenantsOf(tenants.tenants)),
    turns: turnsOf(tenants.turns),
    tenantLabel: tenants.metrics.tenant_label,
    webhooks,
    extensions: extensions.extensions,
    llm,
    transcripts,
    oversight,
    broker: broker.broker,
    pollers: pollers.pollers,
    mcp: mcp.mcp,
    plugins,
  };
  problems.push(...crossCheck({
    settings,
    origins,
    env,
    secretOf: options.secretOf ?? ((name) => findSecret(name, { env, readSecret })),
    isSecretToMake: (name) => isSecretToMake(name, { env, readSecret }),
    place: reader.place,
  }));
  const blocked = problems.some(({ blocking }) => blocking);
  return {
    settings: blocked ? undefined : snapshot({ ...settings, version }, origins),
    problems: sortProblems(problems),
  };
}

function turnsOf({ max, max_per_tenant: own }: TenantsFile["turns"]): Settings["turns"] {
  return { max, maxPerTenant: Math.min(max, own ?? Math.max(1, Math.floor(max * 3 / 4))) };
}

function tenantsOf(declared: Readonly<Record<string, TenantConfig>>): [string, Tenant][] {
  const tenants = Object.entries(declared);
  if (tenants.length === 0) tenants.push([DEFAULT_ACCOUNT, TenantConfig.parse({})]);
  return tenants.map(([id, tenant]) => [
    id,
    { ...tenant, id, display_name: tenant.display_name ?? id },
  ]);
}

/** The frozen result, its paths made absolute. */
function snapshot(base: Omit<Settings, "agents">, origins: readonly AgentOrigin[]): Settings {
  const inConfig = (path: string) => resolve(base.configDir, path);
  const agents = origins.map(({ agent }): [string, AgentConfig] => [agent.id, {
    ...agent,
    skills_dir: inConfig(agent.skills_dir),
    ...(agent.transcripts_dir ? { transcripts_dir: inConfig(agent.transcripts_dir) } : {}),
  }]);
  const entries = Object.entries(base.extensions.entries).map(([id, entry]) => [
    id,
    entry.path === undefined ? entry : { ...entry, path: inConfig(entry.path) },
  ]);
  const { nkey_file: nkey, creds_file: creds } = base.broker.auth;
  return deepFreeze({
    ...base,
    agents: frozenMap(agents),
    extensions: {
      ...base.extensions,
      search_paths: base.extensions.search_paths.map(inConfig),
      entries: Object.fromEntries(entries) as Settings["extensions"]["entries"],
    },
    broker: {
      ...base.broker,
      auth: {
        ...base.broker.auth,
        ...(nkey === undefined ? {} : { nkey_file: inConfig(nkey) }),
        ...(creds === undefined ? {} : { creds_file: inConfig(creds) }),
      },
    },
  });
}

/** The files of `plugins/`, by channel; undefined when one of them is wrong. */
async function readPlugins({ read }: Reader): Promise<PluginsConfig | undefined> {
  const files = await Promise.all(
    Object.entries(PLUGINS).map(async ([channel, kind]) => {
      const file = await read<Readonly<Record<string, unknown>>>(kind);
      return [channel, file?.[channel]] as const;
    }),
  );
  if (files.some(([, config]) => config === undefined)) return undefined;
  // Each schema has its channel's name as its one key, so this is what they are made of.
  return Object.fromEntries(files) as unknown as PluginsConfig;
}

interface Reader {
  readonly configDir: string;
  readonly problems: Problem[];
  /** The file's value; its defaults when it does not exist, undefined when it is wrong. */
  readonly read: <T>(kind: FileKind<T>) => Promise<T | undefined>;
  /** One file by its path; undefined when it does not exist. */
  readonly open: <T>(kind: FileKind<T>, file: string) => Promise<ConfigFile<T> | undefined>;
  readonly warn: (
    file: string,
    message: string,
    fix: string,
    severity?: Problem["severity"],
  ) => void;
  readonly place: (file: string, path: Path) => Place & { readonly file: string };
}

function createReader(
  configDir: string,
  sources: Sources,
  drafts: ReadonlyMap<string, string>,
): Reader {
  const problems: Problem[] = [];
  const opened = new Map<string, ConfigFile<unknown>>();
  const warn: Reader["warn"] = (file, message, fix, severity = "warning") => {
    const blocking = severity === "error";
    problems.push({ severity, blocking, file, line: 1, column: 1, path: [], message, fix });
  };
  const open = async <T>(kind: FileKind<T>, file: string): Promise<ConfigFile<T> | undefined> => {
    let text: string;
    try {
      text = drafts.get(file) ?? await readFile(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      warn(file, `cannot be read: ${messageOf(error)}`, "Let this user read the file", "error");
      return { file, value: undefined, problems: [], place: () => ({ line: 1, column: 1 }) };
    }
    const config = readConfig(kind, file, text, sources);
    opened.set(file, config);
    problems.push(...config.problems);
    return config;
  };
  return {
    configDir,
    problems,
    warn,
    open,
    async read(kind) {
      const config = await open(kind, join(configDir, kind.name));
      return config === undefined ? kind.schema.parse({}) : config.value;
    },
    place(name, path) {
      const file = resolve(configDir, name);
      return { file, ...(opened.get(file)?.place(path) ?? { line: 1, column: 1 }) };
    },
  };
}

async function listDir(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).toSorted();
  } catch {
    return []; // a directory that is not there holds no files
  }
}

/** `agents.yaml`, then `agents.d/` in the order of names, without examples. */
async function readAgents(
  { configDir, open, warn }: Reader,
): Promise<ConfigFile<{ agents: AgentConfig[] }>[]> {
  const main = join(configDir, "agents.yaml");
  const dropIns = (await listDir(join(configDir, "agents.d")))
    .filter(isDropIn)
    .map((name) => join(configDir, "agents.d", name));
  const files: ConfigFile<{ agents: AgentConfig[] }>[] = [];
  for (const file of [main, ...dropIns]) {
    const config = await open(FILES.agents, file);
    if (config !== undefined) files.push(config);
    else if (file === main) {
      const fix = `Create it, or name another directory with --config or NEXO_CONFIG`;
      warn(file, "does not exist", fix, "error");
      files.push({ file, value: undefined, problems: [], place: () => ({ line: 1, column: 1 }) });
    }
  }
  return files;
}

function isYaml(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

async function warnOfUnusedFiles({ configDir, warn }: Reader): Promise<void> {
  const plugins = (await listDir(join(configDir, "plugins"))).map((name) => `plugins/${name}`);
  const used: string[] = Object.values(FILES).map(({ name }) => name);
  used.push(...BUILT_CHANNELS.map((channel) => `plugins/${channel}.yaml`));
  const unused = [...UNUSED_FILES, ...Object.values(PLUGINS).map(({ name }) => name)];
  for (const name of [...await listDir(configDir), ...plugins]) {
    if (!isYaml(name) || used.includes(name) || /\.example\.ya?ml$/.test(name)) continue;
    const file = join(configDir, name);
    if (unused.includes(name)) {
      warn(file, "not used by this version", "Remove it, or leave it for later");
      continue;
    }
    const meant = closest(name, used);
    const fix = meant === undefined ? "Move it elsewhere" : `Did you mean "${basename(meant)}"?`;
    warn(file, "is no config file this program knows", fix);
  }
}
