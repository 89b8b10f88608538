/**
 * A microapp's directory before it is installed: what its manifest says, and whether it could start.
 *
 * @module
 */
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import { type Manifest, parseManifest } from "../manifest.ts";

/** A directory that holds a microapp. */
export interface Source {
  /** Absolute, without links. */
  readonly root: string;
  readonly manifest: Manifest;
  readonly warnings: readonly string[];
}

/**
 * Reads a directory, or the `plugin.toml` in it.
 *
 * @throws {CodedError} `not_found` when there is no manifest, `manifest_invalid`
 */
export async function readSource(
  path: string,
  { agentVersion }: { agentVersion: string },
): Promise<Source> {
  const dir = basename(path) === "plugin.toml" ? dirname(path) : path;
  const root = await realpath(dir).catch(() => dir); // what is missing is said below
  const file = join(root, "plugin.toml");
  const plugin = await readFile(file, "utf8").catch((cause: unknown) => {
    const message = `Cannot find a microapp at "${path}": there is no "plugin.toml"`;
    throw new CodedError("not_found", message, { cause });
  });
  const sidecar = await readFile(join(root, "nexo-plugin.toml"), "utf8").catch(() => undefined);
  const mcpJson = await readFile(join(root, ".mcp.json"), "utf8").catch(() => undefined);
  try {
    return { root, ...parseManifest({ plugin, sidecar, mcpJson, agentVersion }) };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new CodedError(error.code, `Cannot use "${file}": ${error.message}`, { cause: error });
  }
}

const INTERPRETERS = /^(node|nodejs|deno|bun|python[\d.]*|ruby|perl|php|sh|bash)$/;

/** What would keep the manifest's program from starting; undefined when nothing is known to. */
export async function programProblem(
  { root, manifest }: Pick<Source, "root" | "manifest">,
): Promise<string | undefined> {
  const { transport } = manifest;
  if (transport.kind === "none") return undefined;
  if (transport.kind !== "stdio") return `transport "${transport.kind}" is not supported`;
  const { command, args } = transport;
  const script = args.find((arg) => !arg.startsWith("-") && arg !== "run");
  const file = command.includes("/")
    ? command
    : INTERPRETERS.test(command) && looksLikeFile(script)
    ? script
    : undefined;
  if (file === undefined || await isFile(resolve(root, file))) return undefined;
  return `its program "${file}" is not there; build it first`;
}

function looksLikeFile(arg: string | undefined): arg is string {
  return arg !== undefined && /^[^:]+\.[a-z]+$/i.test(arg);
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isFile(), () => false);
}
