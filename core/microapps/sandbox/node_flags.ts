/**
 * Node's flags, exactly: what is not named here is not given.
 *
 * @module
 */
import { join } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import type { NetworkGrant, SandboxPlace } from "./place.ts";
import { nodeGuardsNetwork } from "./level.ts";

/** The first Node whose flag is no longer called experimental. */
const STABLE_MAJOR = 24;

const harmless =
  /^--(enable-source-maps|no-warnings|no-deprecation|trace-[a-z-]+|disable-warning=.*|conditions=.*|max-old-space-size=\d+|experimental-(strip|transform)-types|no-experimental-strip-types|unhandled-rejections=.*)$/;
const withModule = /^(-r|--require|--import)$/;

/** Node reads `_` in a flag as `-`. */
const spelled = (flag: string): string => flag.split("=", 1)[0]?.replaceAll("_", "-") ?? "";

function checkFlags(args: readonly string[]): void {
  for (let at = 0; at < args.length; at++) {
    const flag = args[at] ?? "";
    if (!flag.startsWith("-")) return;
    const name = spelled(flag);
    if (withModule.test(name)) {
      if (!flag.includes("=")) at += 1;
    } else if (!harmless.test(name + flag.slice(name.length))) {
      throw new CodedError(
        "sandbox_refused",
        `Cannot confine Node: its flag "${flag}" is not known`,
      );
    }
  }
  throw new CodedError("sandbox_refused", "Cannot confine Node: its arguments name no script");
}

/** A manifest's arguments behind a heap limit, which spares a leaky program the harder limit on memory. */
export function nodeHeapArgs(args: readonly string[], heap: number | null): string[] {
  return heap === null ? [...args] : [`--max-old-space-size=${heap}`, ...args];
}

/**
 * Arguments for a Node that only its permissions confine.
 *
 * @throws {CodedError} `sandbox_refused` at a flag that is not known to be harmless
 */
export function nodeArgs(
  { args, place, network, major, heap }: {
    readonly args: readonly string[];
    readonly place: SandboxPlace;
    readonly network: NetworkGrant;
    readonly major: number;
    readonly heap: number | null;
  },
): string[] {
  checkFlags(args);
  const dirs = [place.root, place.stateDir, ...place.readable];
  const star = [...dirs, ...place.readableFiles].find((path) => /[*,]/.test(path));
  if (star !== undefined) {
    throw new CodedError("sandbox_refused", `Cannot confine Node: "${star}" contains "*" or ","`);
  }
  return [
    major >= STABLE_MAJOR ? "--permission" : "--experimental-permission",
    // Node says at each start that its permissions are new, which is known here.
    "--disable-warning=ExperimentalWarning",
    // A bare directory would also stand for its neighbours whose names start like it.
    ...dirs.map((path) => `--allow-fs-read=${join(path, "*")}`),
    ...place.readableFiles.map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${join(place.stateDir, "*")}`,
    ...(network.kind !== "none" && nodeGuardsNetwork(major) ? ["--allow-net"] : []),
    ...nodeHeapArgs(args, heap),
  ];
}
