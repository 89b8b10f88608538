/**
 * A microapp that gives back what it is told, made with our SDK.
 *
 * @module
 */
import { defineMicroapp, z } from "../../../extensions/sdk/mod.ts";

await defineMicroapp({
  name: "echo",
  version: "1.0.0",
  tools: {
    echo: {
      description: "Gives the text back",
      input: z.object({ text: z.string() }),
      handle: ({ text }) => text,
    },
  },
}).run();
