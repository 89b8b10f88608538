/**
 * `broker.yaml`: what carries messages between edge and core.
 *
 * @module
 */
import { z } from "zod";
import { block, optional, Positive, schemaVersion, Text, unused, withDefault } from "./block.ts";
import { SizeBytes } from "./units.ts";

/** Keys that are read and change nothing: what waits is in core's database. */
export const UNUSED_BROKER_KEYS = ["persistence", "fallback"] as const;

/** The block `broker`. */
export const BrokerConfig = block({
  /** `local`: in this process. `embedded`: the same, open to NATS clients. `nats`: a real server. */
  type: withDefault(z.enum(["local", "nats", "embedded"]), "embedded"),
  /** Of a NATS server's WebSocket, for example `ws://nats:8443`. */
  url: optional(Text),
  auth: block({
    /** Whether any of the below is used. */
    enabled: withDefault(z.boolean(), false),
    token: optional(Text),
    user: optional(Text),
    password: optional(z.string()),
    /** Relative to the config directory. */
    nkey_file: optional(Text),
    /** Relative to the config directory. */
    creds_file: optional(Text),
  }),
  /** Whether events are handed over through JetStream; `auto`: when the server has it. */
  jetstream: withDefault(z.enum(["auto", "on", "off"]), "auto"),
  /** Where the embedded broker listens. */
  embedded: block({
    host: withDefault(Text, "127.0.0.1"),
    port: withDefault(z.int().min(0).max(65_535), 4223),
  }),
  /** What each edge allows its event clients. */
  firehose: block({
    /** Connections of one tenant, or of the operators, at one edge. */
    max_clients_per_tenant: withDefault(Positive, 1_000),
    /** Connections of one token subject within them. */
    max_clients_per_subject: withDefault(Positive, 100),
  }),
  limits: block({
    /** Bytes of one message. */
    max_payload: optional(SizeBytes),
    /** Messages waiting for one subscriber. */
    max_pending: withDefault(Positive, 10_000),
  }).transform(({ max_payload, max_pending }) => ({
    max_payload_bytes: max_payload ?? 8 * 1024 * 1024,
    max_pending,
  })),
  ...unused(UNUSED_BROKER_KEYS),
});
/** See {@linkcode BrokerConfig}. */
export type BrokerConfig = z.infer<typeof BrokerConfig>;

/** A whole `broker.yaml`. */
export const BrokerFile = z.strictObject({ ...schemaVersion, broker: BrokerConfig });
/** See {@linkcode BrokerFile}. */
export type BrokerFile = z.infer<typeof BrokerFile>;
