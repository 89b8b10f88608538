/**
 * What a microapp's process is started with: state directory, environment, sandbox, first words.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { CodedError, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Candidate } from "./candidate.ts";
import { childEnv, namedValue } from "./env.ts";
import { httpEnv, type HttpHandshake, httpHandshake, type IdentityOf } from "./http/identity.ts";
import type { JsonObject } from "./json.ts";
import type { HttpServer } from "./manifest_schema.ts";
import { prepareSandbox, type SandboxDeps, type SandboxedChild } from "./sandbox/prepare.ts";
import { stateDirOf } from "./sandbox/state_dir.ts";
import { MARK_VARIABLE, type Warden } from "./sandbox/warden.ts";

/** What starting a child needs. */
export interface StartDeps extends SandboxDeps {
  readonly agentVersion: string;
  readonly warden: Warden;
  readonly agentsConfigFor: (microappId: string) => JsonObject;
  readonly httpIdentity: IdentityOf;
}

/** A child to start, and what its HTTP server is told. */
export interface PreparedChild extends SandboxedChild {
  readonly http: HttpHandshake | null;
}

/** The `params` of `initialize`. */
export function initializeParams(
  { id, entry }: Candidate,
  http: HttpHandshake | null,
  deps: StartDeps,
): JsonObject {
  return {
    agent_version: deps.agentVersion,
    extension_id: id,
    nexo_version: deps.agentVersion,
    state_dir: stateDirOf(deps.homeDir, id),
    config: entry.config ?? {},
    agents_config: deps.agentsConfigFor(id),
    ...(http === null ? {} : { http }),
  };
}

/**
 * Prepares one start of a microapp; its descendants carry `mark`.
 *
 * @throws {CodedError} `manifest_invalid`, `sandbox_refused`
 */
export async function prepareChild(
  candidate: Candidate,
  mark: string,
  deps: StartDeps,
  log: Log,
): Promise<PreparedChild> {
  const { id, root, manifest } = candidate;
  const { transport, capabilities: { httpServer }, requires } = manifest;
  if (transport.kind !== "stdio") {
    throw new CodedError("manifest_invalid", `Cannot start "${id}": it has no stdio transport`);
  }
  const stateDir = stateDirOf(deps.homeDir, id);
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    log.warn("microapp.state_dir_failed", { error: messageOf(error) });
  }
  const http = httpServer === null ? null : await introduce(id, httpServer, deps, log);
  const passed = [...requires.env, ...httpServer?.extra_env_passthrough ?? []];
  const added = {
    ...manifest.env,
    ...(httpServer === null || http === null ? {} : httpEnv(http, httpServer)),
    AGENT_VERSION: deps.agentVersion,
    AGENT_EXTENSION_ID: id,
    NEXO_EXTENSION_STATE_ROOT: stateDir,
    [MARK_VARIABLE]: mark,
  };
  const env = childEnv({ parent: deps.env, passed, added });
  const { command, args } = transport;
  const named = new Set([...passed, ...Object.keys(added)]);
  const start = { command, args, cwd: root, env };
  return { ...await prepareSandbox(candidate, start, named, deps), http };
}

/** What its server is told; a token in core's environment is only the first that it has. */
async function introduce(
  id: string,
  server: HttpServer,
  deps: StartDeps,
  log: Log,
): Promise<HttpHandshake> {
  const { token_env: variable } = server;
  const first = namedValue(deps.env, variable);
  const identity = await deps.httpIdentity(id, first);
  if (first !== undefined && first !== identity.token) {
    log.warn("microapp.token_env_outdated", { variable });
  }
  return httpHandshake(id, server, identity);
}
