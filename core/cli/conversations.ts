/**
 * `nexo conversations`: where agents must not reply.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "./command.ts";
import { sayJson, sayTable, showTime } from "./print.ts";
import { count } from "./record.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Adds the commands. */
export function addConversationCommands(program: Command, { daemon }: CliContext): void {
  const conversations = program.command("conversations")
    .description("conversations that get no replies");
  conversations.command("muted").description("where a microapp asked for no further replies")
    .option("--account <id>", "only this tenant")
    .option("--limit <n>", "at most this many", count, 100)
    .option("--json", "print an array")
    .action(async ({ account, limit, json }) => {
      const { conversations: muted } = await (await daemon()).call<{ conversations: Fields[] }>(
        "conversations/muted",
        { account, limit },
      );
      if (json === true) return sayJson(muted);
      sayTable(muted, [
        ["TENANT", (row) => row["account_id"]],
        ["SESSION", (row) => row["session_id"]],
        ["AGENT", (row) => row["agent_id"]],
        ["CHANNEL", (row) => `${String(row["channel"])}:${String(row["instance"])}`],
        ["CONTACT", (row) => row["contact"]],
        ["SINCE", (row) => showTime(row["muted_at_ms"])],
        ["BY", (row) => row["muted_by"]],
        ["REASON", (row) => row["muted_reason"]],
      ], "No conversation is muted.");
    });
  conversations.command("unmute <account> <session>")
    .description("let the agent reply there again").option("--json", "the same")
    .action(async (account: string, session: string) =>
      sayJson(
        await (await daemon()).call("conversations/unmute", { account, session_id: session }),
      )
    );
}
