/**
 * Writes to people, made with the SDK that lies at the first argument. `remind` may claim another call's
 * span than its own.
 *
 * @module
 */
import process from "node:process";

const { defineMicroapp } = await import(`${process.argv[2]}/mod.js`);

await defineMicroapp({
  tools: {
    remind: {
      description: "Reminds somebody",
      input: { type: "object" },
      handle: ({ to, ...claimed }, { dispatch }) =>
        dispatch({ channel: "generic", to, body: "Remember" }, claimed),
    },
  },
}).run();
