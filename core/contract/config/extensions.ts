/**
 * `extensions.yaml`: where microapps are found and what they are granted.
 *
 * @module
 */
import { z } from "zod";
import { AccountId } from "../ids.ts";
import {
  block,
  Count,
  Json,
  list,
  map,
  optional,
  Positive,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";
import { DispatchRateLimit } from "./limits.ts";

/** Keys that are read and change nothing. */
export const UNUSED_EXTENSIONS_KEYS = ["transport_defaults"] as const;

/** A capability given to a microapp. */
export interface CapabilityGrant {
  readonly capability: string;
  /** Absent: for all tenants. */
  readonly tenants?: readonly AccountId[];
}

/** `agents_crud`, or `{capability: agents_crud, tenants: [acme]}`; read as {@linkcode CapabilityGrant}. */
export const CapabilityGrant = z.union([
  Text.transform((capability): CapabilityGrant => ({ capability })),
  z.strictObject({ capability: Text, tenants: optional(z.array(AccountId).min(1)) }).transform(
    ({ capability, tenants }): CapabilityGrant =>
      tenants === undefined ? { capability } : { capability, tenants },
  ),
]);

/** What one microapp may use; under a sandbox there are defaults, without one there is no limit. */
export const ProcessLimits = block({
  /** Resident memory of all its processes; default under a sandbox 512. */
  memory_mb: optional(Positive),
  /** What its state directory may hold; default under a sandbox 1024. */
  disk_mb: optional(Positive),
  /** Processor time of each of its processes over its life; no default. */
  cpu_secs: optional(Positive),
  /** For each of its processes; default under a sandbox 1024. */
  open_files: optional(z.int().min(16)),
  /** Default under a sandbox 64. */
  processes: optional(Positive),
});

/** What happens when a microapp does not answer a hook, or is not there to be asked. */
const hook = block({
  /** `open`: as if it had agreed. `closed`: the message waits, the tool is not called. */
  on_failure: withDefault(z.enum(["open", "closed"]), "open"),
});

const known = z.object({
  enabled: withDefault(z.boolean(), true),
  capabilities_grant: list(CapabilityGrant),
  /** Whether its HTTP server may bind an address other than loopback. */
  allow_external_bind: withDefault(z.boolean(), false),
  /** Given to the microapp in `initialize`. */
  config: optional(Json),
  /** How long a tool call may take; seconds. */
  timeout_secs: optional(z.number().positive().max(86_400)),
  /** Its directory or script, relative to the config directory; absent: found in `search_paths`. */
  path: optional(Text),
  /** The one tenant it works for. */
  tenant_id: optional(AccountId),
  /** Absent: what the manifest asks for. */
  sandbox: optional(z.enum(["none", "auto", "bwrap"])),
  /** Whether a sandbox leaves it the network; absent: what the manifest declares. */
  network: optional(z.boolean()),
  /** More that it may read under a sandbox, absolute. */
  read_paths: list(Text.refine((path) => path.startsWith("/"), "must be absolute")),
  limits: ProcessLimits,
  /** Of the events its grants let it hear, only these kinds; absent: all of them. */
  event_kinds: optional(z.array(Text)),
  hooks: block({
    before_message: hook,
    after_message: hook,
    before_tool_call: hook,
    after_tool_call: hook,
  }),
  /** How often it may write to people by itself, on each line. */
  dispatch_rate_limit: DispatchRateLimit,
  /** Its pages and calls below `/apps/<id>/`. */
  http: block({
    /** `token`: only with a token of ours, for an operator or a tenant. */
    access: withDefault(z.enum(["public", "token"]), "public"),
    /** Requests and WebSockets at once; more get 503. */
    max_exchanges: withDefault(Positive, 1_024),
  }),
});

/** The operator's word on one microapp. Keys starting with `x_` are free. */
export const ExtensionEntry = z.preprocess(
  (value) => value ?? undefined,
  known.loose().superRefine((entry, ctx) => {
    const keys = Object.keys(entry).filter((key) => !(key in known.shape) && !key.startsWith("x_"));
    if (keys.length > 0) ctx.addIssue({ code: "unrecognized_keys", keys });
  }).transform((entry) => entry as z.output<typeof known>).prefault({}),
);
/** See {@linkcode ExtensionEntry}. */
export type ExtensionEntry = z.infer<typeof ExtensionEntry>;

const ExtensionId = z.string().regex(
  /^[a-z][a-z0-9_-]{0,63}$/,
  "must be 1 to 64 of a-z, 0-9, _ and -, starting with a letter",
);

/** The block `extensions`. */
export const ExtensionsConfig = block({
  enabled: withDefault(z.boolean(), true),
  /** Directories, relative to the config directory; the default is beside it. */
  search_paths: withDefault(z.array(Text), ["../extensions"]),
  disabled: list(Text),
  /** Empty means all. */
  allowlist: list(Text),
  ignore_dirs: withDefault(z.array(Text), ["target", ".git", "node_modules", "dist", ".build"]),
  max_depth: withDefault(Count.max(32), 3),
  follow_links: withDefault(z.boolean(), false),
  watch: block({
    enabled: withDefault(z.boolean(), false),
    debounce_ms: withDefault(Count, 500),
  }),
  doctor: block({
    stdio_timeout_ms: withDefault(Positive, 5_000),
    nats_timeout_ms: withDefault(Positive, 5_000),
    http_timeout_ms: withDefault(Positive, 3_000),
    concurrency: withDefault(Positive, 4),
  }),
  entries: map(ExtensionId, ExtensionEntry),
  ...unused(UNUSED_EXTENSIONS_KEYS),
});
/** See {@linkcode ExtensionsConfig}. */
export type ExtensionsConfig = z.infer<typeof ExtensionsConfig>;

/** A whole `extensions.yaml`. */
export const ExtensionsFile = z.strictObject({ ...schemaVersion, extensions: ExtensionsConfig });
/** See {@linkcode ExtensionsFile}. */
export type ExtensionsFile = z.infer<typeof ExtensionsFile>;
