/**
 * Ends every microapp when core is gone without having stopped them, as after `kill -9`.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { messageOf } from "../../contract/mod.ts";
import type { Log } from "../../flow/log.ts";

/** Names a child's descendants in their environment, wherever they move. */
export const MARK_VARIABLE = "NEXO_PROCESS_MARK";

/**
 * A shell costs a megabyte where a second Node would cost forty. It is told process groups as they
 * come and go, and its input ends when core does, however core ends.
 */
const SCRIPT = `
groups=" "
while read -r change group; do
  rest=" "
  for each in $groups; do [ "$each" = "$group" ] || rest="$rest$each "; done
  groups=$rest
  [ "$change" = + ] && groups="$groups$group "
done
for group in $groups; do kill -KILL -- "-$group"; done
for round in 1 2 3; do
  for file in $(grep -lszF -e "$1" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    kill -KILL "\${pid%/environ}"
  done
done
`;

/** Watches over core itself. Disposing ends it and resolves when it is gone. */
export interface Warden extends AsyncDisposable {
  /** What the children of `microappId` carry in {@linkcode MARK_VARIABLE}. */
  markOf(microappId: string): string;
  /** Takes note of a process group until the returned function is called. */
  watch(group: number): () => void;
}

/** Starts a warden; `instance` names this core among all that ever ran here. */
export function openWarden({ instance, log }: { instance: string; log: Log }): Warden {
  const child = spawn("/bin/sh", ["-c", SCRIPT, "nexo-warden", `${MARK_VARIABLE}=${instance}.`], {
    // In a group of its own, so that what is sent to core's group leaves it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/bin:/bin" },
  });
  const ended = once(child, "exit").catch((error: unknown) =>
    log.warn("sandbox.no_warden", { error: messageOf(error) })
  );
  child.stdin.on("error", (error) => log.warn("sandbox.warden_ended", { error: error.message }));
  return {
    markOf: (microappId) => `${instance}.${microappId}`,
    watch(group) {
      child.stdin.write(`+ ${group}\n`);
      return () => void child.stdin.write(`- ${group}\n`);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Kills what carries `mark`: descendants that left their process group. Says how many there were. */
export async function endMarked(mark: string): Promise<number> {
  const wanted = `${MARK_VARIABLE}=${mark}`;
  const names = await readdir("/proc").catch(() => []);
  let count = 0;
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    // Processes of others cannot be read, and are not ours.
    const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
    if (!environment.split("\0").includes(wanted)) continue;
    try {
      process.kill(Number(name), "SIGKILL");
      count += 1;
    } catch {
      // It ended by itself meanwhile.
    }
  }
  return count;
}
