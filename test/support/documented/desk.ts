/**
 * A newcomer's machine for one page: a clone, a home without anything in it, one shell for all commands.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../free_port.ts";
import { toolPath } from "../provision.ts";
import { type Block, placeOf, ROOT } from "./blocks.ts";

/** What a page takes for granted. */
export interface Given {
  /** What was run before a block, by how the block begins. */
  readonly before?: Readonly<Record<string, string>>;
  /** Texts that are others here, such as a port. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Where the commands are run. @default a clone of the repository */
  readonly from?: "clone" | "elsewhere";
  /** Copied into the home, by the name there. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A machine. Disposing removes it; what its commands started ended with them. */
export interface Desk extends AsyncDisposable {
  readonly home: string;
  /** Runs blocks one after another, each from where it all begins. @throws what failed, and all that was said */
  run(blocks: readonly Block[], given: Given): Promise<void>;
}

/** Directories of the system that commands write to; here they lie below the home. */
const SYSTEM = /(?<![\w./])\/(?:etc|opt|var\/lib|srv)\//g;
/** Not of a clone: what is made there, and what is written to. */
const NOT_CLONED = new Set([".git", ".cache", "config"]);
/** Where programs are that were fetched for tests. */
const TOOL_DIRS = ["jq", "openssl"].flatMap((name) => toolPath(name) ?? []).map((path) =>
  dirname(path)
);
const READY_SECONDS = 240;

/** Commands that go on until they are stopped: which one such takes the place of, and what they say once they work. */
const GOING_ON: readonly (readonly [command: RegExp, kind: string, says: string])[] = [
  [/^npm (?:start|run dev)\b|\bnexo dev\b/, "core", "nexo is ready at"],
  [/\bnexo core\b/, "core", "nexo core is ready"],
  [
    /\bnexo edge(?! config)\b|^deno task edge|\bdeno run .*edge\/deno\.ts/,
    "edge",
    "nexo edge is ready",
  ],
  [/\bnexo events tail\b/, "tail", "."],
];

const PREAMBLE = String.raw`
set -euo pipefail
set -m # each command that goes on has a process group of its own
# The packages of the clone are the repository's own: nobody takes them away.
npm() {
  case "$PWD:$1" in "$START:ci" | "$START:install") echo "not in the clone: npm $1" >&2; return 64 ;; esac
  command npm "$@"
}
declare -A going=() heard=()
# Ends when nobody is left who could say something.
stop() {
  [ -n "${"$"}{going[$1]:-}" ] || return 0
  kill -TERM -- "-${"$"}{going[$1]}" 2>/dev/null || true
  wait "${"$"}{heard[$1]}" || true
  unset "going[$1]"
}
trap 'for kind in "${"$"}{!going[@]}"; do stop "$kind"; done' EXIT
# Starts what goes on, and waits until it says that it works: going_on <kind> <what it says> <command>
going_on() {
  stop "$1"
  local log="$LOGS/$RANDOM$RANDOM"
  mkfifo "$log.pipe"
  cat "$log.pipe" >"$log" &
  heard[$1]=$!
  ( eval "$3" ) >"$log.pipe" 2>&1 &
  going[$1]=$!
  timeout ${READY_SECONDS} grep -qm1 -E -- "$2" < <(tail --pid="$!" -n +1 -F "$log" 2>/dev/null) && return 0
  cat "$log" >&2
  return 1
}
`;

/** Makes a machine. `npm run build` must have been run. */
export async function openDesk(): Promise<Desk> {
  const home = await mkdtemp(join(tmpdir(), "nexo-desk-"));
  const clone = join(home, "nexo");
  const elsewhere = join(home, "elsewhere");
  await mkdir(clone);
  for (const name of await readdir(ROOT)) {
    if (!NOT_CLONED.has(name)) await symlink(join(ROOT, name), join(clone, name));
  }
  await cp(join(ROOT, "config"), join(clone, "config"), { recursive: true });
  const broker = await freePort();
  await writeFile(
    join(clone, "config/broker.yaml"),
    `broker: { type: embedded, embedded: { port: ${broker} } }\n`,
  );
  await mkdir(elsewhere);
  await symlink(join(ROOT, "node_modules"), join(elsewhere, "node_modules"));
  for (const dir of ["logs", "etc/prometheus", "opt", "var/lib", "srv"]) {
    await mkdir(join(home, dir), { recursive: true });
  }
  const port = await freePort();
  const here = { "127.0.0.1:8787": `127.0.0.1:${port}`, "127.0.0.1:4223": `127.0.0.1:${broker}` };

  return {
    home,
    async run(blocks, { before = {}, instead = {}, from = "clone", files = {} }) {
      for (const [name, path] of Object.entries(files)) {
        await cp(path, join(home, name), { recursive: true });
      }
      const local = (text: string): string => {
        let found = text.replaceAll(SYSTEM, (path) => join(home, path));
        for (const [shown, real] of Object.entries({ ...here, ...instead })) {
          found = found.replaceAll(shown, real);
        }
        return found;
      };
      const script = [PREAMBLE];
      for (const block of blocks) {
        const [, earlier = ""] = Object.entries(before).find(([beginning]) =>
          block.text.startsWith(beginning)
        ) ?? [];
        script.push(`cd "$START"; echo "::: ${placeOf(block)}"`);
        script.push(...commandsOf(local(`${earlier}\n${block.text}`)));
      }
      const child = spawn("bash", ["-c", script.join("\n")], {
        env: {
          PATH: [join(ROOT, "node_modules/.bin"), process.env["PATH"] ?? "", ...TOOL_DIRS].join(
            ":",
          ),
          HOME: home,
          NEXO_HOME: join(home, ".nexo"),
          NEXO_PORT: String(port),
          START: from === "clone" ? clone : elsewhere,
          LOGS: join(home, "logs"),
          // What was fetched once need not be fetched again.
          npm_config_cache: join(homedir(), ".npm"),
          npm_config_prefer_offline: "true",
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
      }
      const [code] = await once(child, "close") as [number | null];
      if (code !== 0) throw new Error(`it ended with ${code}:\n${said.slice(-6_000)}`);
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** The commands of a block as the shell here runs them; the packages of a clone are there already. */
function commandsOf(text: string): string[] {
  return text.replaceAll("\\\n", " ").split("\n").map((line) => {
    const command = line.replace(/^npm ci && /, "").replace(/\s+#.*$/, "");
    const [, kind, says] = GOING_ON.find(([pattern]) => pattern.test(command)) ?? [];
    if (kind === undefined || says === undefined) return command;
    return `going_on ${kind} ${quoted(says)} ${quoted(command)}`;
  });
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
