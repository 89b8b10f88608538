/**
 * What a microapp's process is started with: state directory, environment, sandbox, first words.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { CodedError, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Candidate } from "./discovery.ts";
import { childEnv } from "./env.ts";
import type { JsonObject } from "./json.ts";
import { prepareSandbox, type SandboxDeps, type SandboxedChild } from "./sandbox/prepare.ts";
import { stateDirOf } from "./sandbox/state_dir.ts";
import { MARK_VARIABLE, type Warden } from "./sandbox/warden.ts";

/** What starting a child needs. */
export interface StartDeps extends SandboxDeps {
  readonly agentVersion: string;
  readonly warden: Warden;
  readonly agentsConfigFor: (microappId: string) => JsonObject;
}

/** The `params` of `initialize`. */
export function initializeParams({ id, entry }: Candidate, deps: StartDeps): JsonObject {
  return {
    agent_version: deps.agentVersion,
    extension_id: id,
    nexo_version: deps.agentVersion,
    state_dir: stateDirOf(deps.homeDir, id),
    config: entry.config ?? {},
    agents_config: deps.agentsConfigFor(id),
  };
}

/**
 * Prepares one start of a microapp.
 *
 * @throws {CodedError} `manifest_invalid`, `sandbox_refused`
 */
export async function prepareChild(
  candidate: Candidate,
  deps: StartDeps,
  log: Log,
): Promise<SandboxedChild> {
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
  const http = httpServer === null
    ? []
    : [httpServer.token_env, ...httpServer.extra_env_passthrough];
  const passed = [...requires.env, ...http];
  const added = {
    ...manifest.env,
    AGENT_VERSION: deps.agentVersion,
    AGENT_EXTENSION_ID: id,
    NEXO_EXTENSION_STATE_ROOT: stateDir,
    [MARK_VARIABLE]: deps.warden.markOf(id),
  };
  const env = childEnv({ parent: deps.env, passed, added });
  const { command, args } = transport;
  const named = new Set([...passed, ...Object.keys(added)]);
  return prepareSandbox(candidate, { command, args, cwd: root, env }, named, deps);
}
