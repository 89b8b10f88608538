/**
 * `nexo ext`: microapps, from a directory to a running process and back.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { CodedError, messageOf } from "../contract/mod.ts";
import { AGENT_VERSION } from "../daemon/microapps.ts";
import { removeCopies } from "../microapps/install/copies.ts";
import { programProblem, readSource } from "../microapps/install/source.ts";
import { copiesDir, copiesOf } from "../microapps/installed.ts";
import type { ListedMicroapp } from "../microapps/listing.ts";
import { isWithin } from "../microapps/sandbox/place.ts";
import { stateDirOf } from "../microapps/sandbox/state_dir.ts";
import type { MicroappStatus } from "../microapps/slots.ts";
import type { CliContext } from "./command.ts";
import { addConfigOption } from "./config_dir.ts";
import { openExtBackend } from "./ext/backend.ts";
import { grantsToWrite } from "./ext/grants.ts";
import { install, type InstallWish, planInstall } from "./ext/install.ts";
import { describeInstall, installReport } from "./ext/report.ts";
import { say, sayJson, sayTable } from "./print.ts";

interface Options {
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds the command. */
export function addExtCommand(program: Command, context: CliContext): void {
  const ext = program.command("ext").description("microapps");
  addInstall(ext, context);
  addShow(ext, context);
  addSwitches(ext, context);
  addUninstall(ext, context);
  addRunning(ext, context);
}

/** A microapp's id, before any path is made of it. */
function microappId(text: string): string {
  if (/^[a-z][a-z0-9_-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError("must be 1 to 64 of a-z, 0-9, _ and -, a letter first");
}

function collect(name: string, names: readonly string[]): string[] {
  return [...names, name];
}

interface InstallOptions extends Options {
  readonly link?: boolean;
  readonly update?: boolean;
  readonly enable?: boolean;
  readonly grant: readonly string[];
  readonly dryRun?: boolean;
}

function addInstall(ext: Command, context: CliContext): void {
  const { cwd, home, packageRoot } = context;
  addConfigOption(ext.command("install <path>"))
    .description("take a microapp in: its directory, or the plugin.toml in it")
    .option("--link", "run it where it lies instead of copying it")
    .option("--update", "replace the one that is installed")
    .option("--enable", "switch it on, also when extensions.yaml has it off")
    .option("--no-enable", "leave it switched off")
    .option("--grant <capability>", "grant what it asks for; `all`, or one at a time", collect, [])
    .option("--dry-run", "say what would be done")
    .option("--json", "print it as JSON")
    .action(async (path: string, options: InstallOptions) => {
      const source = await readSource(absolute(path, cwd), { agentVersion: AGENT_VERSION });
      const { manifest } = source;
      const wish: InstallWish = {
        source,
        link: options.link === true,
        update: options.update === true,
        enable: options.enable,
        grant: options.grant,
      };
      const backend = await openExtBackend(context, options.config);
      const deps = { backend, homeDir: home.root, installDir: packageRoot };
      const plan = await planInstall(wish, deps);
      const dry = options.dryRun === true;
      const done = dry ? undefined : await install(wish, plan, deps);
      const row = dry ? undefined : (await backend.list()).find(({ id }) => id === manifest.id);
      const report = installReport({
        manifest,
        target: done?.target ?? await plannedTarget(plan.mode, source.root, manifest.id, home.root),
        mode: dry ? "dry-run" : plan.mode,
        row,
        status: done?.microapp ?? null,
      });
      if (options.json === true) return sayJson(report);
      for (const warning of source.warnings) say(`plugin.toml: ${warning}`);
      for (const line of describeInstall(report, backend)) say(line);
    });
}

async function plannedTarget(mode: string, root: string, id: string, home: string) {
  if (mode === "link" || mode === "in_place") return root;
  const newest = (await copiesOf(home, id)).at(-1) ?? 0;
  return join(copiesDir(home, id), `${newest + 1}`);
}

const absolute = (path: string, cwd: string): string =>
  isAbsolute(path) ? path : resolve(cwd, path);

function addShow(ext: Command, context: CliContext): void {
  const { cwd, home } = context;
  addConfigOption(ext.command("list")).description("all microapps there are, running or not")
    .option("--json", "print an array")
    .action(async ({ config, json }: Options) => {
      const rows = await (await openExtBackend(context, config)).list();
      if (json === true) return sayJson(rows);
      sayTable(rows, [
        ["ID", (row) => row.id],
        ["VERSION", (row) => row.version],
        ["STATUS", (row) => row.status],
        ["TOOLS", (row) => row.tools.join(" ")],
        ["PATH", (row) => row.path],
        ["REASON", (row) => row.reason],
      ], "No extensions discovered.");
    });
  addConfigOption(ext.command("info")).argument("<id>", "its id", microappId)
    .description("one microapp: where it lies, what it asks for, how it is")
    .option("--json", "the same")
    .action(async (id: string, { config }: Options) => {
      const backend = await openExtBackend(context, config);
      const row = known(await backend.list(), id);
      const status = backend.runs ? await statusOf(context, id) : null;
      sayJson({ ...row, state_dir: stateDirOf(home.root, id), status });
    });
  ext.command("validate <path>").description("whether a manifest is right; exit 1 when it is not")
    .option("--json", "print what was found")
    .action(async (path: string, { json }: Options) => {
      const verdict = await validate(absolute(path, cwd));
      if (json === true) sayJson(verdict);
      else {
        for (const warning of verdict.warnings) say(`warning: ${warning}`);
        if (verdict.ok) {
          const { id, version, tools, hooks } = verdict;
          say(`ok: ${id} ${version} (${tools.length} tools, ${hooks.length} hooks)`);
        } else say(`invalid: ${verdict.problem}`);
      }
      if (!verdict.ok) context.exitWith(1);
    });
  ext.command("state-dir").argument("<id>", "its id", microappId)
    .description("where a microapp keeps its files; `uninstall` leaves them")
    .option("--ensure", "make the directory")
    .option("--json", "print an object")
    .action(async (id: string, { ensure, json }: Options & { ensure?: boolean }) => {
      const path = stateDirOf(home.root, id);
      if (ensure === true) await mkdir(path, { recursive: true, mode: 0o700 });
      if (json === true) sayJson({ id, path });
      else say(path);
    });
}

async function validate(path: string) {
  try {
    const source = await readSource(path, { agentVersion: AGENT_VERSION });
    const { id, version, capabilities: { tools, hooks } } = source.manifest;
    const problem = await programProblem(source);
    const warnings = problem === undefined ? source.warnings : [...source.warnings, problem];
    return { ok: true as const, id, version, tools, hooks, warnings, problem: null };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { ok: false as const, warnings: [], problem: messageOf(error) };
  }
}

function known(rows: readonly ListedMicroapp[], id: string): ListedMicroapp {
  const row = rows.find((each) => each.id === id);
  if (row !== undefined) return row;
  throw new CodedError(
    "not_found",
    `Cannot find microapp "${id}": \`nexo ext list\` shows all there are`,
  );
}

async function statusOf({ daemon }: CliContext, id: string): Promise<MicroappStatus | null> {
  const { microapps } = await (await daemon()).call<{ microapps: MicroappStatus[] }>("ext/status");
  return microapps.find((microapp) => microapp.id === id) ?? null;
}

interface SwitchOptions extends Options {
  /** Only of `enable`. */
  readonly grant?: readonly string[];
}

function addSwitches(ext: Command, context: CliContext): void {
  const turn = async (
    id: string,
    enabled: boolean,
    { config, json, grant = [] }: SwitchOptions,
  ) => {
    const backend = await openExtBackend(context, config);
    const row = known(await backend.list(), id);
    const grants = grantsToWrite(grant, row);
    const { changed, microapp } = await backend.apply({ id, enabled, grant: grants });
    const isOn = known(await backend.list(), id).status === "enabled";
    if (json === true) {
      return sayJson({ id, enabled: isOn, changed, state: microapp?.state ?? null });
    }
    const state = microapp === null ? "" : `, and it is ${microapp.state}`;
    say(`${id} is ${changed ? "" : "already "}${isOn ? "enabled" : "disabled"}${state}`);
  };
  addConfigOption(ext.command("enable")).argument("<id>", "its id", microappId)
    .description("let a microapp run")
    .option("--grant <capability>", "grant what it asks for; `all`, or one at a time", collect, [])
    .option("--json", "print what has changed")
    .action((id: string, options: SwitchOptions) => turn(id, true, options));
  addConfigOption(ext.command("disable")).argument("<id>", "its id", microappId)
    .description("stop a microapp and keep it stopped")
    .option("--json", "print what has changed")
    .action((id: string, options: SwitchOptions) => turn(id, false, options));
}

function addUninstall(ext: Command, context: CliContext): void {
  addConfigOption(ext.command("uninstall")).argument("<id>", "its id", microappId)
    .description("take a microapp out; its state and its grants stay")
    .option("--yes", "yes, remove it")
    .option("--json", "print what was removed")
    .action(async (id: string, { config, json, yes }: Options & { yes?: boolean }) => {
      if (yes !== true) {
        throw new CodedError("usage", `Cannot uninstall "${id}": say --yes to remove it`);
      }
      const homeDir = context.home.root;
      const backend = await openExtBackend(context, config);
      const { path, origin } = known(await backend.list(), id);
      const isCopy = isWithin(copiesDir(homeDir, id), path);
      if (!isCopy && origin !== "entry") {
        throw new CodedError(
          "conflict",
          `Cannot uninstall "${id}": it was put into "${path}" by hand; remove it there, ` +
            `or switch it off with \`nexo ext disable ${id}\``,
        );
      }
      // A link is forgotten; a copy goes first, so that the daemon finds nothing to start again.
      if (isCopy) await removeCopies({ homeDir, id });
      await backend.apply({ id, path: null, forget: true });
      if (json === true) sayJson({ id, removed: true, was_link: !isCopy, path });
      else say(isCopy ? `${id} is removed` : `${id} is forgotten; its files stay in ${path}`);
    });
}

function addRunning(ext: Command, { daemon }: CliContext): void {
  ext.command("status [id]").description("the microapps that run, or one of them, and how they are")
    .option("--json", "print an array")
    .action(async (id: string | undefined, { json }: Options) => {
      const { microapps: all } = await (await daemon()).call<{ microapps: MicroappStatus[] }>(
        "ext/status",
      );
      const microapps = id === undefined ? all : all.filter((one) => one.id === id);
      if (id !== undefined && microapps.length === 0) {
        throw new CodedError(
          "not_found",
          `Cannot show microapp "${id}": there is none of that name`,
        );
      }
      if (json === true) return sayJson(microapps);
      sayTable(microapps, [
        ["ID", (row) => row.id],
        ["STATE", (row) => row.state],
        ["PID", (row) => row.pid],
        ["RESTARTS", (row) => row.restarts],
        ["SANDBOX", (row) => row.sandbox],
        ["HTTP", (row) => row.http?.state],
        ["TOOLS", (row) => row.tools.map(({ name }) => name).join(" ")],
        ["REASON", (row) => row.reason],
      ], "No microapps discovered.");
    });
  ext.command("restart").argument("<id>", "its id", microappId)
    .description("stop a microapp and start it again")
    .option("--json", "the same")
    .action(async (id: string) => sayJson(await (await daemon()).call("ext/restart", { id })));
}
