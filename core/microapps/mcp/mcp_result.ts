/**
 * What an MCP tool call came to, as a model reads it.
 *
 * @module
 */
import { isObject, type JsonObject } from "../json.ts";
import { cutText, type ToolResult } from "../results.ts";

/** Reads a `tools/call` result of an MCP server. */
export function readMcpResult(
  place: { readonly server: string; readonly tool: string },
  result: JsonObject,
): ToolResult {
  const content = Array.isArray(result["content"]) ? result["content"] : [];
  const structured = result["structuredContent"];
  const said = content.map(textOfPart).filter((part) => part !== "").join("\n");
  const cut = cutText(said === "" && structured !== undefined ? JSON.stringify(structured) : said);
  if (result["isError"] === true) {
    const message = cut === "" ? "it gave no reason" : cut;
    return {
      ok: false,
      message,
      text: `error: tool \`${place.tool}\` of MCP server \`${place.server}\` failed: ${message}`,
    };
  }
  return { ok: true, value: structured ?? result["content"] ?? null, text: cut };
}

/** A part in words: a model gets no bytes. */
function textOfPart(part: unknown): string {
  if (!isObject(part)) return "";
  switch (part["type"]) {
    case "text":
      return typeof part["text"] === "string" ? part["text"] : "";
    case "image":
    case "audio":
      return `[${part["type"]} ${String(part["mimeType"])}]`;
    case "resource_link":
      return `[resource ${String(part["uri"])}]`;
    case "resource": {
      const resource = isObject(part["resource"]) ? part["resource"] : {};
      const text = resource["text"];
      return typeof text === "string" ? text : `[resource ${String(resource["uri"])}]`;
    }
    default:
      return `[${String(part["type"])}]`;
  }
}
