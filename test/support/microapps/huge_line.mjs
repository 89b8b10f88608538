/**
 * Answers `echo` with a line as long as `arguments.bytes` asks for.
 *
 * @module
 */
import { behave, receive, send } from "./wire.mjs";

receive((frame) => {
  const bytes = frame.params?.args?.bytes;
  if (bytes === undefined) behave(frame);
  else send({ id: frame.id, result: "x".repeat(bytes) });
});
