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
import { basename, dirname, join, resolve } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import { type ImportNeed, needsOf } from "./needs.ts";
import { type Plan, planImport, type PlannedFile } from "./plan.ts";
import type { ImportNote, ImportNotes } from "./report.ts";

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
  readonly needs: readonly ImportNeed[];
}

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
    const needs = await needsOf(config, plan, request.env);
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
