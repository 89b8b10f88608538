/**
 * A microapp that gives back what it is told, made with our SDK.
 *
 * @module
 */
import { createMicroapp, z } from "../../../extensions/sdk/mod.ts";

const app = createMicroapp({ name: "echo", version: "1.0.0" });
app.tool(
  "echo",
  { description: "Gives the text back", input: z.object({ text: z.string() }) },
  ({ text }) => text,
);
await app.run();
