/**
 * Prints what is no frame between its frames, as a forgotten console.log would.
 *
 * @module
 */
import process from "node:process";
import { behave, receive, send } from "./wire.mjs";

receive((frame) => {
  process.stdout.write("hello from a forgotten print\n\n   \r\n{not json\n[1,2]\nnull\n42\n");
  send({ id: null, error: { code: -32700, message: "parse error" } });
  send({ method: "nobody/asked" });
  send({ id: "7", result: {} });
  send({ id: -1, result: {} });
  send({ id: 1.5, result: {} });
  send({ id: frame.id, error: "not an object" });
  process.stdout.write(Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
  behave(frame);
});
