/**
 * Ends before it is asked anything.
 *
 * @module
 */
import process from "node:process";

process.stderr.write("[ERROR] nothing to do here\n");
process.exitCode = 3;
