/**
 * Runs the microapp until nexo stops it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { createAgentCreator } from "./agent_creator.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
await createAgentCreator({ root }).run();
