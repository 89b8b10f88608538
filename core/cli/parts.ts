/**
 * The subcommands and the files they are in, loaded when they are named: the daemon alone is a thousand
 * modules, which `nexo turns tail` has no use for.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "./command.ts";

/** Adds subcommands to the program. */
type Add = (program: Command, context: CliContext) => void;

interface Part {
  /** The subcommands it adds, in order. */
  readonly words: readonly string[];
  readonly load: () => Promise<Add>;
}

/** All parts, in the order in which help lists them. */
export const PARTS: readonly Part[] = [
  { words: ["dev", "core"], load: async () => (await import("./run.ts")).addRunCommands },
  { words: ["edge"], load: async () => (await import("./edge.ts")).addEdgeCommand },
  { words: ["init"], load: async () => (await import("./init.ts")).addInitCommand },
  { words: ["import"], load: async () => (await import("./import.ts")).addImportCommand },
  { words: ["check"], load: async () => (await import("./check.ts")).addCheckCommand },
  { words: ["doctor"], load: async () => (await import("./doctor.ts")).addDoctorCommand },
  { words: ["chat", "webhook"], load: async () => (await import("./talk.ts")).addTalkCommands },
  {
    words: ["turns", "events", "inbox", "dlq"],
    load: async () => (await import("./record.ts")).addRecordCommands,
  },
  { words: ["usage"], load: async () => (await import("./usage.ts")).addUsageCommand },
  {
    words: ["conversations"],
    load: async () => (await import("./conversations.ts")).addConversationCommands,
  },
  { words: ["ext"], load: async () => (await import("./ext.ts")).addExtCommand },
  {
    words: ["console", "token", "reload"],
    load: async () => (await import("./operate.ts")).addOperateCommands,
  },
  { words: ["microapp", "audit"], load: async () => (await import("./audit.ts")).addAuditCommands },
  {
    words: ["transcripts"],
    load: async () => (await import("./transcripts.ts")).addTranscriptCommands,
  },
  { words: ["tenants"], load: async () => (await import("./tenants.ts")).addTenantCommands },
  {
    words: ["credentials", "pairing"],
    load: async () => (await import("./channels.ts")).addChannelCommands,
  },
  { words: ["schedules"], load: async () => (await import("./schedules.ts")).addScheduleCommands },
  { words: ["secrets"], load: async () => (await import("./secrets.ts")).addSecretCommands },
];

/** The part that has this subcommand alone; without such a subcommand all of them, for help and advice. */
export function partsFor(word: string | undefined): readonly Part[] {
  const part = PARTS.find(({ words }) => word !== undefined && words.includes(word));
  return part === undefined ? PARTS : [part];
}
