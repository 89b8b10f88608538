/**
 * The microapp: two tools and a hook.
 *
 * @module
 */
import { allow, block, defineMicroapp, type Microapp, z } from "nexo-microapps/sdk";
import { createNotes } from "./notes.ts";

/** Builds the microapp; `run` starts it. */
export function createNotebook(): Microapp {
  const notes = createNotes();

  return defineMicroapp({
    // What an operator may set under entries.<id>.config in extensions.yaml.
    config: z.object({ blocked_word: z.string().min(1).optional() }),

    tools: {
      note_add: {
        description: "Saves a short note. Use it when somebody asks to remember something.",
        input: z.object({
          text: z.string().min(1).max(10_000).describe("What to remember"),
          title: z.string().max(200).optional().describe("A short heading"),
        }),
        async handle({ text, title }, { openTenantDir, callId, log }) {
          const dir = await openTenantDir();
          const note = { call_id: callId, title: title ?? null, text, added_at_ms: Date.now() };
          const { added, count } = await notes.add(dir, note);
          log.info("note_add", { added, count });
          return { ok: true, text: `Saved. Notes so far: ${count}.` };
        },
      },

      note_list: {
        description: "Lists all saved notes, oldest first.",
        input: z.object({}),
        async handle(_args, { openTenantDir }) {
          const all = await notes.list(await openTenantDir());
          return {
            notes: all.map(({ title, text, added_at_ms }) => ({ title, text, added_at_ms })),
          };
        },
      },
    },

    hooks: {
      // Asked before each message reaches the model.
      before_message({ text }, { config }) {
        const word = config.blocked_word;
        const isBlocked = word !== undefined && text.includes(word);
        return isBlocked ? block(`the message holds "${word}"`) : allow();
      },
    },
  });
}
