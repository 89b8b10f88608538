/**
 * What edges elsewhere are told: the webhook configuration, asked for, pushed or written to a file.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Bus } from "../bus/bus.ts";
import { openHandoffSeal } from "../bus/handoff_seal.ts";
import {
  type Clock,
  CodedError,
  codeOf,
  EDGE_SNAPSHOT_FORMAT,
  type EdgeConfig,
  EdgeConfigRequest,
  type EdgeSnapshot,
  type EdgeSnapshotFile,
  type Random,
  subjects,
} from "../contract/mod.ts";
import { createInTurn } from "../flow/in_turn.ts";
import type { Log } from "../flow/log.ts";
import type { Scope } from "../flow/scope.ts";

/** What {@linkcode openEdgeLink} needs. */
export interface EdgeLinkDeps {
  readonly bus: Pick<Bus, "publish" | "respond">;
  readonly config: () => EdgeConfig;
  /** `NEXO_EDGE_KEY`. Without it no secret leaves core: edges take theirs from their environment. */
  readonly key: Uint8Array | undefined;
  readonly random: Random;
  readonly now: Clock;
  readonly log: Log;
}

/** A file that an edge starts with before it has met core. */
export interface SnapshotText {
  /** JSON, with a newline at the end. */
  readonly text: string;
  readonly sealed: boolean;
  readonly sources: number;
  readonly expiresAtMs: number;
}

/** The edges of a bus. */
export interface EdgeLink {
  /** Answers edges that ask, from now on. */
  readonly serve: () => void;
  /** Tells all edges that the configuration has changed. */
  readonly push: (scope: Scope) => void;
  /** @throws {CodedError} `config_invalid` when secrets are wanted and there is no key */
  readonly snapshot: (
    options: { ttlMs: number; withoutSecrets: boolean },
  ) => Promise<SnapshotText>;
}

const NOTHING = new Uint8Array();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Opens the link; it says nothing yet. @throws {RangeError} when the key is under 32 bytes */
export async function openEdgeLink(
  { bus, config, key, random, now, log }: EdgeLinkDeps,
): Promise<EdgeLink> {
  const what = "the edge's configuration";
  const seal = await openHandoffSeal({ key, subject: subjects.edgeConfigPush, random, what });
  const fileSeal = await openHandoffSeal({ key, subject: EDGE_SNAPSHOT_FORMAT, random });
  const shown = (): EdgeConfig => key === undefined ? withoutSecrets(config()) : config();

  /** Sealing takes its time, and what is newer must not be overtaken by what is older. */
  const inTurn = createInTurn();

  const answer = (request: Uint8Array): Promise<Uint8Array> =>
    inTurn(() => {
      const message = encoder.encode(JSON.stringify(shown()));
      const isKnown = readRequest(request).have === createHash("sha256").update(message)
        .digest("hex");
      return seal.wrap(isKnown ? NOTHING : message);
    });

  async function publish(): Promise<void> {
    try {
      bus.publish(subjects.edgeConfigPush, await answer(NOTHING));
      log.info("edge.config_pushed", { version: config().version });
    } catch (error) {
      // Edges ask by themselves every few seconds, so none misses it for good.
      log.warn("edge.config_not_pushed", { code: codeOf(error) });
    }
  }

  return {
    serve() {
      bus.respond(subjects.edgeConfigRequest, { queue: "core" }, ({ data }) => answer(data));
    },
    push: (scope) => scope.run(publish),
    async snapshot({ ttlMs, withoutSecrets: isOpen }) {
      if (key === undefined && !isOpen) {
        throw new CodedError(
          "config_invalid",
          "Cannot write the edge's configuration: its secrets cannot be sealed, because " +
            "NEXO_EDGE_KEY is not set for core; set it, or leave the secrets out with " +
            "--without-secrets",
        );
      }
      const madeAtMs = now();
      const snapshot: EdgeSnapshot = {
        made_at_ms: madeAtMs,
        expires_at_ms: madeAtMs + ttlMs,
        config: isOpen ? withoutSecrets(config()) : config(),
      };
      const file = key === undefined ? openFile(snapshot) : await sealedFile(snapshot);
      return {
        text: `${JSON.stringify(file, null, 2)}\n`,
        sealed: key !== undefined,
        sources: snapshot.config.sources.length,
        expiresAtMs: snapshot.expires_at_ms,
      };
    },
  };

  async function sealedFile(snapshot: EdgeSnapshot): Promise<EdgeSnapshotFile> {
    const sealed = await fileSeal.wrap(encoder.encode(JSON.stringify(snapshot)));
    return { format: EDGE_SNAPSHOT_FORMAT, sealed: Buffer.from(sealed).toString("base64") };
  }
}

function openFile(snapshot: EdgeSnapshot): EdgeSnapshotFile {
  return { format: EDGE_SNAPSHOT_FORMAT, snapshot };
}

/** Whatever cannot be read asks for everything. */
function readRequest(request: Uint8Array): { have?: string | undefined } {
  if (request.length === 0) return {};
  try {
    return EdgeConfigRequest.parse(JSON.parse(decoder.decode(request)));
  } catch {
    return {};
  }
}

function withoutSecrets(config: EdgeConfig): EdgeConfig {
  return {
    ...config,
    sources: config.sources.map((source) => ({
      ...source,
      secret: null,
      previous_secret: null,
      verify_token: null,
      disabled_reason: source.disabled_reason ??
        `"${source.secret_env}" is not set on this edge, and core sent no secrets`,
    })),
  };
}
