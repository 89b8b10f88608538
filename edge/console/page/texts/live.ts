/**
 * The live page and its map.
 *
 * @module
 */
import { plural } from "./plural.ts";

/** The texts, by where they stand. */
export const LIVE = {
  live: {
    intro: "Each webhook and message as it becomes a turn, its tool calls and a reply.",
    pause: "Pause",
    resume: "Resume",
    paused: (count: number) =>
      count === 0 ? "Paused" : `Paused: ${plural(count, "change", "changes")} since`,
    kept: (count: number) => `The newest ${count} are kept here; the record has the rest.`,
    past: "Reading what happened before",
    delivery: "Delivery",
    message: "Message",
    turn: "Turn",
    tools: "Tool calls",
    reply: "Reply",
    from: (binding: string) => `on ${binding}`,
    to: (line: string) => `to ${line}`,
    waiting: "waits for its turn",
    noSubscriber: "no agent subscribes to it",
    running: "at work",
    noTools: "no tool calls",
    noReply: "no reply",
    thinking: "not yet",
    attempt: (count: number) => `try ${count}`,
    tokens: (count: string) => `${count} tokens`,
    gap:
      "Some events are missing here: they were lost, or trimmed from the log. The record of deliveries and turns is complete.",
    microapp: (id: string, state: string) => `Microapp ${id} is ${state}`,
    openDelivery: "Open delivery",
    openTurn: "Open turn",
    emptyTitle: "Quiet so far",
    empty: "Send a signed webhook and watch it become an agent's turn:",
    emptyCommand: "npx nexo webhook send github",
    emptyChat: "Or talk to the agent:",
    emptyChatCommand: 'npx nexo chat acme "note_add buy milk"',
    noMatch: "Nothing here fits the filters.",
  },
  map: {
    label: "Map of what flows",
    stages: { in: "Comes in", agent: "Agents", tool: "Tools", out: "Goes out" },
    none: {
      in: "nothing yet",
      agent: "nobody yet",
      tool: "none called",
      out: "nothing sent",
    },
    others: (count: number) => plural(count, "other", "others"),
    bad: (count: number) => `${count} not ok`,
    busy: (count: number) => `${count} at work`,
  },
} as const;
