/**
 * What an import is going to write, planned in whole before anything is.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import { ConfigError } from "../config_error.ts";
import { FILES, PLUGINS } from "../files.ts";
import { readYaml } from "../yaml_file.ts";
import { patchYaml } from "../yaml_patch.ts";
import { agentIds, changeAgents, CHANGES, isMap, withoutAgents } from "./changes.ts";
import { createNotes, type ImportNotes } from "./report.ts";

/** A file as it will be. */
export interface PlannedFile {
  /** Relative to the config directory. */
  readonly name: string;
  readonly text: string;
}

/** Files and secrets of a home on their way into a config directory. */
export interface Plan {
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

/** @throws {CodedError} `not_found` without an `agents.yaml`, `conflict` with too many secrets */
export async function planImport(from: string, to: string): Promise<Plan> {
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
