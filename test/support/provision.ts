/**
 * Finds or fetches the programs that tests run against; `npm test` starts with it.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** A program from outside npm. */
interface Tool {
  /** The command. */
  readonly name: string;
  /** The Debian package that has it. */
  readonly debian: string;
  /** What stays untested without it. */
  readonly usedBy: string;
}

const TOOLS: readonly Tool[] = [
  { name: "nats-server", debian: "nats-server", usedBy: "the bus over a real NATS" },
  { name: "chromium", debian: "chromium", usedBy: "the pages in a real browser" },
  { name: "age", debian: "age", usedBy: "exports of secrets, opened by age itself" },
  { name: "jq", debian: "jq", usedBy: "the walkthrough's own line over the audit" },
  { name: "openssl", debian: "openssl", usedBy: "the commands of the page on deploying" },
  { name: "bwrap", debian: "bubblewrap", usedBy: "the sandbox of microapps" },
];

const root = fileURLToPath(new URL("../../", import.meta.url));
const cache = join(root, ".cache", "tools");

/** Where unpacked packages and distributions keep commands, beside PATH. */
const BIN_DIRS = ["usr/sbin", "usr/bin", "usr/local/bin", "usr/local/sbin"];

/** The path of a program if it is here already: on PATH, in the system's folders or in the cache. */
export function toolPath(name: string): string | undefined {
  const fromPath = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const folders = [
    ...fromPath,
    ...BIN_DIRS.map((folder) => join("/", folder)),
    ...BIN_DIRS.map((folder) => join(cache, folder)),
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a command with its output shown on our standard error; whether it succeeded. */
function run(command: string, args: readonly string[], cwd = root): boolean {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0;
}

/** Installs for everyone; the package's own service must not start and take a port. */
function installAsRoot({ debian }: Tool): boolean {
  const policy = "/usr/sbin/policy-rc.d";
  const installed = ["install", "-y", "--no-install-recommends", debian];
  if (existsSync(policy)) return run("apt-get", installed);
  return run("sh", [
    "-c",
    `printf '#!/bin/sh\\nexit 101\\n' >${policy} && chmod +x ${policy}; apt-get "$@"; code=$?; rm -f ${policy}; exit $code`,
    "sh",
    ...installed,
  ]);
}

/** Unpacks into the cache, for those who may not install. */
function unpack({ debian }: Tool): boolean {
  const downloads = join(cache, "deb", debian);
  rmSync(downloads, { recursive: true, force: true });
  mkdirSync(downloads, { recursive: true });
  const download = ["download", debian];
  if (!run("apt-get", download, downloads)) {
    // The system's package lists may be stripped, and only root may renew them: keep our own.
    const own = ownAptOptions();
    run("apt-get", ["update", "-q", ...own]);
    if (!run("apt-get", [...download, ...own], downloads)) return false;
  }
  return readdirSync(downloads).filter((file) => file.endsWith(".deb"))
    .every((file) => run("dpkg", ["-x", join(downloads, file), cache]));
}

function ownAptOptions(): string[] {
  const [lists, archives] = [join(cache, "apt", "lists"), join(cache, "apt", "archives")];
  for (const folder of [lists, archives]) mkdirSync(join(folder, "partial"), { recursive: true });
  return ["-o", `Dir::State::lists=${lists}`, "-o", `Dir::Cache=${join(cache, "apt")}`];
}

function provide(tools: readonly Tool[]): Tool[] {
  const missing = tools.filter((tool) => toolPath(tool.name) === undefined);
  if (missing.length === 0) return [];
  const isRoot = process.getuid?.() === 0;
  if (isRoot) run("apt-get", ["update", "-q"]);
  return missing.filter((tool) => {
    if (isRoot && installAsRoot(tool) && toolPath(tool.name) !== undefined) return false;
    return !unpack(tool) || toolPath(tool.name) === undefined;
  });
}

function main(): void {
  const had = new Set(TOOLS.filter(({ name }) => toolPath(name) !== undefined));
  const missing = provide(TOOLS);
  for (const tool of TOOLS) {
    const path = toolPath(tool.name);
    if (path !== undefined) {
      console.log(`${had.has(tool) ? "found" : "installed"} ${tool.name} at ${path}`);
    }
  }
  for (const { name, debian, usedBy } of missing) {
    const bar = "!".repeat(78);
    console.error(`${bar}\nCannot find or install "${name}" (Debian package "${debian}").`);
    console.error(`NOT TESTED without it: ${usedBy}\n${bar}`);
  }
  if (missing.length > 0 && process.env["CI"] === "true") process.exitCode = 1;
}

if (resolve(process.argv[1] ?? "") === fileURLToPath(import.meta.url)) main();
