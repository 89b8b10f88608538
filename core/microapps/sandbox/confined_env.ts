/**
 * The environment of a confined microapp: what it declares and what any program needs, nothing more.
 *
 * @module
 */
import type { SandboxPlace } from "./place.ts";
import type { SandboxLevel } from "./level.ts";

const HARMLESS = /^(PATH|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|NO_COLOR|NODE_ENV|SSL_CERT_(FILE|DIR))$/;

/** They change what a program loads before it runs; glibc itself ignores most of them in `sudo`. */
const LOADER =
  /^(LD_.*|GCONV_PATH|GETCONF_DIR|GLIBC_TUNABLES|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TZDIR)$/;
/** They give back permissions that the command line leaves out. */
const RUNTIME = /^(NODE_OPTIONS|NODE_PATH|DENO_.*)$/;

/** Chooses from the environment an unconfined microapp would get; `named` are those meant for it. */
export function confinedEnv(
  { env, named, level, place }: {
    readonly env: Readonly<Record<string, string>>;
    readonly named: ReadonlySet<string>;
    readonly level: SandboxLevel;
    readonly place: SandboxPlace;
  },
): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // The helpers that make the sandbox run outside of it, with these same variables.
    if (LOADER.test(name) || (level === "permissions" && RUNTIME.test(name))) continue;
    if (named.has(name) || HARMLESS.test(name)) chosen[name] = value;
  }
  const scratch = level === "bwrap" ? "/tmp" : place.stateDir;
  return {
    HOME: place.stateDir,
    ...chosen,
    TMPDIR: scratch,
    DENO_DIR: level === "bwrap" ? "/tmp/deno" : place.cacheDir,
    DENO_NO_UPDATE_CHECK: "1",
  };
}
