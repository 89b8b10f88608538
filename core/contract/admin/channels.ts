/**
 * `nexo/admin/channels/*`: MCP channel servers an agent listens to, not chat channels.
 *
 * @module
 */
import { z } from "zod";
import { configVersion, spec } from "./spec.ts";

const ChannelEntry = z.object({
  agent_id: z.string(),
  server_name: z.string(),
  allowlist: z.array(z.int()).optional(),
});
/** One approval, as it is listed. */
export type ChannelEntry = z.infer<typeof ChannelEntry>;

const bothNames = z.object({ agent_id: z.string(), server_name: z.string() });
const named = ({ agent_id, server_name }: z.infer<typeof bothNames>): boolean =>
  agent_id.trim() !== "" && server_name.trim() !== "";
const NAMES_REQUIRED = "agent_id and server_name are required";

/** The methods of this domain. */
export const CHANNEL_METHODS = {
  "nexo/admin/channels/list": spec(
    "channels_crud",
    z.object({ agent_id: z.string().nullish() }),
    z.object({ entries: z.array(ChannelEntry) }),
  ),
  "nexo/admin/channels/approve": spec(
    "channels_crud",
    bothNames.extend({ allowlist: z.array(z.int()).nullish() }).refine(named, NAMES_REQUIRED),
    ChannelEntry.extend(configVersion),
  ),
  "nexo/admin/channels/revoke": spec(
    "channels_crud",
    bothNames.refine(named, NAMES_REQUIRED),
    z.object({ removed: z.boolean(), ...configVersion }),
  ),
  "nexo/admin/channels/doctor": spec(
    "channels_crud",
    z.object({ agent_id: z.string().nullish(), binding_index: z.int().nullish() }),
    z.object({
      verdicts: z.array(z.object({
        agent_id: z.string(),
        server_name: z.string(),
        status: z.enum(["ok", "warning", "error"]),
        message: z.string(),
      })),
    }),
  ),
} as const;
