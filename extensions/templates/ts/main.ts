/**
 * Runs the notebook until nexo stops it.
 *
 * @module
 */
import { createNotebook } from "./notebook.ts";

await createNotebook().run();
