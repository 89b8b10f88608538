/**
 * A tool call as a microapp is asked, and what its answer comes to.
 *
 * @module
 */
import { type CallMeta, lineJson, type RpcFault } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { CallContext, MicroappCall } from "./calls.ts";
import { isObject } from "./json.ts";
import { readToolFault, readToolResult, type ToolResult } from "./results.ts";
import type { Slot } from "./slots.ts";
import type { Live } from "./supervisor.ts";
import { toolCallParams, type ToolDescriptor, withoutMeta } from "./tools.ts";

const MAX_LOGGED_CHARS = 512;

/** One for each call: a record costs less than a closure for each thing that is asked of it. */
export class ToolCall implements MicroappCall<ToolResult> {
  readonly microappId: string;
  readonly account: string;
  readonly method: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly #tool: ToolDescriptor;
  readonly #arguments: unknown;
  readonly #meta: CallMeta;
  readonly #logFor: (microappId: string) => Log;

  constructor(
    tool: ToolDescriptor,
    args: unknown,
    { meta, account, signal }: CallContext,
    { timeoutMs, logFor }: { timeoutMs: number; logFor: (microappId: string) => Log },
  ) {
    this.microappId = tool.microappId;
    this.account = account;
    this.method = tool.poller === null ? "tools/call" : "poll_tool_call";
    this.timeoutMs = timeoutMs;
    this.signal = signal;
    this.#tool = tool;
    this.#arguments = args;
    this.#meta = meta;
    this.#logFor = logFor;
  }

  params({ candidate: { manifest } }: Slot, { handshake }: Live): string | undefined {
    const { ownName, poller } = this.#tool;
    if (poller !== null) {
      return lineJson({ kind: poller, tool_name: ownName, args: withoutMeta(this.#arguments) });
    }
    return toolCallParams(ownName, this.#arguments, this.#meta, {
      withMeta: handshake.stripsMeta || manifest.contextPassthrough,
      withAliases: handshake.wantsAliases,
    });
  }

  read(answer: unknown): ToolResult {
    const result = readToolResult(this.#tool, answer);
    if (result.ok) this.#noteWords(result.value);
    return result;
  }

  readFault(fault: RpcFault): ToolResult {
    return readToolFault(this.#tool, fault);
  }

  /** An SDK's `{ok: true, text}` reaches the model as it is; the words are for people, too. */
  #noteWords(value: unknown): void {
    if (!isObject(value) || value["ok"] !== true || typeof value["text"] !== "string") return;
    const text = value["text"].slice(0, MAX_LOGGED_CHARS);
    this.#logFor(this.microappId).debug("microapp.tool_said", { text });
  }
}
