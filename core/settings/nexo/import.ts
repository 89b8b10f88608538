/**
 * Takes over the config of a nexo-rs home: planned in whole, checked, then written at once or not at all.
 *
 * @module
 */
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import { ConfigError } from "../config_error.ts";
import { FILES, PLUGINS } from "../files.ts";
import { loadSettings } from "../load.ts";
import type { Problem } from "../problems.ts";
import { readYaml } from "../yaml_file.ts";
import { patchYaml } from "../yaml_patch.ts";
import { agentIds, changeAgents, CHANGES, isMap, withoutAgents } from "./changes.ts";
import { createNotes, type ImportNote, type ImportNotes } from "./report.ts";

/** Where from, where to. */
export interface ImportRequest {
  /** The directory nexo-rs ran in, or its config directory. */
  readonly from: string;
  /** The config directory to be made; it must not be there yet, or be empty. */
  readonly to: string;
  /** Looks and tells, and writes nothing. */
  readonly dryRun: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What came of it; paths in the notes are relative to the home. */
export interface ImportReport extends ImportNotes {
  readonly from: string;
  readonly to: string;
  readonly written: boolean;
  /** What must be set before everything works, and what is wrong until then. */
  readonly needs: readonly { readonly what: string; readonly fix: string }[];
}

/** A file as it will be. */
interface PlannedFile {
  /** Relative to the config directory. */
  readonly name: string;
  readonly text: string;
}

interface Plan {
  readonly home: string;
  readonly configDir: string;
  readonly files: readonly PlannedFile[];
  /** Files of secrets: where they lie and where they go. */
  readonly secrets: readonly { readonly from: string; readonly to: string }[];
  readonly notes: ImportNotes;
}

/** The files of one kind that are taken as they are called. */
const KNOWN_FILES: ReadonlySet<string> = new Set(
  [...Object.values(FILES), ...Object.values(PLUGINS)].map(({ name }) => name),
);
const MAX_SECRET_FILES = 1_000;

/**
 * Imports a home.
 *
 * @throws {ConfigError} when its files are wrong; nothing is written then
 * @throws {CodedError} `not_found` without an `agents.yaml`, `conflict` when something is in the way
 */
export async function importNexoHome(request: ImportRequest): Promise<ImportReport> {
  const to = resolve(request.to);
  const plan = await planImport(resolve(request.from), to);
  await refuseWhatIsThere(to, plan);
  // As it will be: the config directory, and the secrets beside it.
  const staging = `${to}.importing-${process.pid}`;
  const config = join(staging, "config");
  try {
    await writeFiles(config, plan.files);
    for (const { from } of plan.secrets) {
      await copySecret(from, join(staging, "secrets", basename(from)));
    }
    const needs = await checked(config, plan, request.env);
    if (!request.dryRun) await putInPlace(config, to, plan);
    const { took, changed, could_not } = plan.notes;
    return {
      from: plan.home,
      to,
      written: !request.dryRun,
      took: took.toSorted(byFile),
      changed: changed.toSorted(byFile),
      could_not: could_not.toSorted(byFile),
      needs,
    };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

const byFile = (a: ImportNote, b: ImportNote): number =>
  a.file < b.file ? -1 : a.file > b.file ? 1 : 0;

async function planImport(from: string, to: string): Promise<Plan> {
  const configDir = [join(from, "config"), from].find((dir) =>
    existsSync(join(dir, "agents.yaml"))
  );
  if (configDir === undefined) {
    throw new CodedError(
      "not_found",
      `Cannot import "${from}": there is no agents.yaml in it or in its config directory`,
    );
  }
  const home = configDir === from ? dirname(from) : from;
  const notes = createNotes();
  const files = await planFiles({ home, configDir, notes });
  const secrets = await planSecrets({ home, to, notes });
  await tellOfHistory(home, notes);
  return { home, configDir, files, secrets, notes };
}

interface Place {
  readonly home: string;
  readonly configDir: string;
  readonly notes: ImportNotes;
}

async function planFiles(place: Place): Promise<PlannedFile[]> {
  const { home, configDir, notes } = place;
  const names = [
    ...await yamlIn(configDir, ""),
    ...await yamlIn(configDir, "plugins"),
    ...await yamlIn(configDir, "agents.d"),
  ];
  // What nexo-rs would read last wins there, so it is what counts.
  const replaced = new Set<string>();
  const planned: PlannedFile[] = [];
  for (const name of names.toReversed()) {
    const isAgents = name === "agents.yaml" || name.startsWith("agents.d/");
    const file = relative(home, join(configDir, name));
    if (!isAgents && !KNOWN_FILES.has(name)) {
      const fix = "docs/import.md says what stands in its place, where there is something";
      notes.could_not.push({ file, what: "the whole file: nothing here reads it", fix });
      continue;
    }
    planned.push(await planFile(place, { name, file, isAgents, replaced }));
  }
  if (
    !planned.some(({ name }) => name === "extensions.yaml") && existsSync(join(home, "extensions"))
  ) {
    const text = `extensions:\n  search_paths: [${JSON.stringify(join(home, "extensions"))}]\n`;
    planned.push({ name: "extensions.yaml", text });
    notes.changed.push({
      file: "extensions",
      what: "extensions.yaml is written, to find them there",
    });
  }
  return planned.toReversed();
}

async function planFile(
  { home, configDir, notes }: Place,
  { name, file, isAgents, replaced }: {
    name: string;
    file: string;
    isAgents: boolean;
    replaced: Set<string>;
  },
): Promise<PlannedFile> {
  const path = join(configDir, name);
  const text = await readFile(path, "utf8");
  const { value, problems } = readYaml(path, text);
  if (problems.length > 0) throw new ConfigError(configDir, problems);
  const wanted: unknown = structuredClone(value);
  const exists = (below: string): boolean => existsSync(join(home, below));
  if (isMap(wanted)) {
    const context = { home, file, exists, notes };
    if (isAgents) {
      for (const id of withoutAgents(wanted, replaced)) {
        const what =
          `agent ${id} is left out: a file read later declares it again, and that one won`;
        notes.changed.push({ file, what });
      }
      changeAgents(wanted, context);
      for (const id of agentIds(wanted)) replaced.add(id);
    } else CHANGES[name]?.(wanted, context);
  }
  notes.took.push({ file, what: takenOf(name, wanted) });
  const ours = name.replace(/\.example(\.ya?ml)$/, "-example$1");
  if (ours !== name) {
    const what = `is called ${ours}: nexo-rs reads examples too, and this program does not`;
    notes.changed.push({ file, what });
  }
  // A file with nothing in it says nothing, and stays as it is.
  return { name: ours, text: wanted == null ? text : patchYaml(text, wanted) };
}

function takenOf(name: string, value: unknown): string {
  const agents = agentIds(value);
  if (agents.length > 0) return `agents ${agents.join(", ")}`;
  return `as ${name}`;
}

/** Secrets go beside the config directory, where `${file:…}` and `secret_env` find them as before. */
async function planSecrets(
  { home, to, notes }: { home: string; to: string; notes: ImportNotes },
): Promise<Plan["secrets"]> {
  const dir = join(home, "secrets");
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const secrets: { from: string; to: string }[] = [];
  for (const entry of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const file = join("secrets", entry.name);
    if (entry.isFile()) {
      secrets.push({ from: join(dir, entry.name), to: join(dirname(to), "secrets", entry.name) });
      notes.took.push({ file, what: "as a secret, readable by its owner alone" });
    } else if (entry.isDirectory()) await tellOfCredentials(dir, entry.name, notes);
    if (secrets.length > MAX_SECRET_FILES) {
      throw new CodedError(
        "conflict",
        `Cannot import "${dir}": it holds more than ${MAX_SECRET_FILES} files`,
      );
    }
  }
  return secrets;
}

/** Credentials are sealed here, by the daemon's key, so the daemon has to take them. */
async function tellOfCredentials(dir: string, channel: string, notes: ImportNotes): Promise<void> {
  const tell = (path: string, instance?: string): void => {
    const line = instance === undefined ? "" : ` --instance ${instance}`;
    notes.could_not.push({
      file: join("secrets", path),
      what: `the credential of ${channel}${
        instance === undefined ? "" : ` ${instance}`
      }, which is sealed here`,
      fix: `While the daemon runs: nexo credentials register ${channel}${line} --file ${
        join(dir, path)
      }`,
    });
  };
  for (const entry of await readdir(join(dir, channel), { withFileTypes: true })) {
    if (entry.isFile() && entry.name === "payload.json") tell(join(channel, entry.name));
    const path = join(channel, entry.name, "payload.json");
    if (entry.isDirectory() && existsSync(join(dir, path))) tell(path, entry.name);
  }
}

async function tellOfHistory(home: string, notes: ImportNotes): Promise<void> {
  for (const dir of ["data", "state", "transcripts"]) {
    const found = await readdir(join(home, dir)).catch(() => []);
    if (found.length === 0) continue;
    notes.could_not.push({
      file: dir,
      what: "history and state: transcripts, audit, cursors, what waited",
      fix: "Keep the directory as long as you must; the new daemon begins with an empty record",
    });
  }
}

async function yamlIn(configDir: string, sub: string): Promise<string[]> {
  const names = await readdir(join(configDir, sub)).catch(() => []);
  return names.filter((name) => /\.ya?ml$/.test(name)).toSorted().map((name) => join(sub, name));
}

async function refuseWhatIsThere(to: string, { secrets }: Plan): Promise<void> {
  if ((await readdir(to).catch(() => [])).length > 0) {
    throw new CodedError(
      "conflict",
      `Cannot import into "${to}": it is not empty; name another directory with --to`,
    );
  }
  for (const secret of secrets) {
    const there = await readFile(secret.to).catch(() => undefined);
    if (there === undefined || there.equals(await readFile(secret.from))) continue;
    throw new CodedError("conflict", `Cannot import secret "${secret.to}": there is another one`);
  }
}

async function writeFiles(dir: string, files: readonly PlannedFile[]): Promise<void> {
  for (const { name, text } of files) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text, { flag: "wx" });
  }
}

/**
 * What the files need, from the loader's own mouth; variables that are not set must not hide the rest.
 *
 * @throws {ConfigError} with the places in the home
 */
async function checked(
  staging: string,
  { home, configDir, notes }: Plan,
  env: ImportRequest["env"],
): Promise<ImportReport["needs"]> {
  const load = (standIns: Readonly<Record<string, string>>) =>
    loadSettings({ configDir: staging, env: { ...env, ...standIns } });
  const unset = new Map<string, Problem>();
  for (const problem of (await load({})).problems) {
    const [, name] = /environment variable "([^"]+)" is not set$/.exec(problem.message) ?? [];
    if (name !== undefined) unset.set(name, problem);
  }
  const standIns = Object.fromEntries([...unset.keys()].map((name) => [name, `\${${name}}`]));
  const { problems } = await load(standIns);
  const blocking = problems.filter((problem) => problem.blocking && problem.severity === "error");
  if (blocking.length > 0) {
    const back = (file: string): string => join(configDir, relative(staging, file));
    const shown = blocking.map((problem) => ({ ...problem, file: back(problem.file) }));
    throw new ConfigError(configDir, shown);
  }
  for (const { severity, file, line, message, fix } of problems) {
    if (severity !== "warning" || isNeed(message)) continue;
    const place = `${relative(home, configDir) || "."}/${relative(staging, file)}:${line}`;
    notes.could_not.push({ file: place, what: message, fix });
  }
  return [
    ...[...unset.values()].map(({ message, fix }) => ({ what: message, fix })),
    ...problems.filter(({ severity, message }) => severity === "error" || isNeed(message))
      .map(({ message, fix }) => ({ what: message, fix })),
  ];
}

/** Whether a warning is about a secret that is still to come. */
function isNeed(message: string): boolean {
  return /^source "[^"]+": secret /.test(message);
}

async function putInPlace(staging: string, to: string, { secrets }: Plan): Promise<void> {
  for (const secret of secrets) {
    if (!existsSync(secret.to)) await copySecret(secret.from, secret.to);
  }
  await rmdir(to).catch(() => undefined); // not there, which is as well
  await rename(staging, to);
}

async function copySecret(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const fresh = join(dirname(to), `.${basename(to)}.importing`);
  await copyFile(from, fresh);
  await chmod(fresh, 0o600);
  await rename(fresh, to);
}
