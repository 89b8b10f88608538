/**
 * Copies a template and makes the copy somebody's own.
 *
 * @module
 */
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CodedError, messageOf } from "../../contract/mod.ts";

/** The templates there are. */
export const TEMPLATE_NAMES = ["ts", "python", "saas"] as const;
/** See {@linkcode TEMPLATE_NAMES}. */
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** Where each lies in an installation. */
export const TEMPLATE_DIRS: Readonly<Record<TemplateName, string>> = {
  ts: "extensions/templates/ts",
  python: "extensions/templates/python",
  saas: "extensions/agent-creator",
};

/** What is made. */
export interface ScaffoldOptions {
  /** The template's directory. */
  readonly from: string;
  /** Where to; absent or an empty directory. */
  readonly to: string;
  /** The microapp's id. */
  readonly id: string;
  /** The installation whose SDK the microapp uses. */
  readonly packageRoot: string;
  /** Names the unfinished copy. */
  readonly nonce: string;
}

/** What only the template's own directory has. */
const LEFT_OUT: ReadonlySet<string> = new Set(["dist", "node_modules", "__pycache__", "state"]);
const IGNORED = "node_modules/\ndist/\n__pycache__/\n";

/**
 * Makes the directory as a whole or not at all.
 *
 * @throws {CodedError} `conflict` when something is there already, `config_unwritable`
 */
export async function scaffold(options: ScaffoldOptions): Promise<void> {
  const { from, to, nonce } = options;
  await refuseOccupied(to);
  const unfinished = join(dirname(to), `.${basename(to)}.${nonce}`);
  try {
    await mkdir(dirname(to), { recursive: true });
    await cp(from, unfinished, {
      recursive: true,
      filter: (path) => !LEFT_OUT.has(basename(path)) || path === from,
    });
    await personalise(unfinished, options);
    await rename(unfinished, to);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    const message = `Cannot make "${to}": ${messageOf(error)}`;
    throw new CodedError("config_unwritable", message, { cause: error });
  }
}

/** @throws {CodedError} `conflict` unless `dir` is absent or empty */
export async function refuseOccupied(dir: string): Promise<void> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") return [basename(dir)];
    throw new CodedError("config_unwritable", `Cannot look into "${dir}": ${error.message}`);
  });
  if (entries.length === 0) return;
  const message = `Cannot make "${dir}": there is something already, and nothing is overwritten`;
  throw new CodedError("conflict", message);
}

async function personalise(
  dir: string,
  { id, packageRoot }: ScaffoldOptions,
): Promise<void> {
  const title = titleOf(id);
  let before = id;
  await edit(join(dir, "plugin.toml"), (text) => {
    before = /^id = "(.*)"$/m.exec(text)?.[1] ?? id;
    return text.replace(/^id = ".*"$/m, `id = "${id}"`)
      .replace(/^name = ".*"$/m, `name = "${title}"`);
  });
  await edit(
    join(dir, "README.md"),
    (text) =>
      text.replace(/^# .*$/m, `# ${title}`).replaceAll(`ext_${before}_`, `ext_${id}_`)
        .replaceAll(
          new RegExp(`(/apps/|state-dir |extensions_config\\.)${before}`, "g"),
          `$1${id}`,
        ),
  );
  await writeFile(join(dir, ".gitignore"), IGNORED);
  const template = join(dir, "package.template.json");
  const manifest = await readFile(template, "utf8").catch(() => undefined); // Python has none
  if (manifest === undefined) return;
  const { name: _, dependencies, ...rest } = JSON.parse(manifest) as {
    name: string;
    dependencies: Record<string, string>;
  };
  const own = {
    name: id,
    ...rest,
    dependencies: { ...dependencies, "nexo-microapps": `file:${packageRoot}` },
  };
  await writeFile(join(dir, "package.json"), `${JSON.stringify(own, null, 2)}\n`);
  await rm(template);
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await writeFile(path, change(await readFile(path, "utf8")));
}

/** `my-app` as a heading: "My app". */
function titleOf(id: string): string {
  const words = id.replaceAll(/[-_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** An id made of a directory's name; undefined when nothing of it can stay. */
export function suggestId(dir: string): string | undefined {
  const id = basename(dir).toLowerCase().replaceAll(/[^a-z0-9_-]+/g, "-").replace(/^[^a-z]+/, "")
    .replace(/-+$/, "").slice(0, 64);
  return id === "" ? undefined : id;
}
