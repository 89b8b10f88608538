/**
 * Does everything right.
 *
 * @module
 */
import { behave, receive } from "./wire.mjs";

receive((frame) => behave(frame));
