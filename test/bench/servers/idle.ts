/**
 * A Node that does nothing.
 *
 * @module
 */
import { answerLoopDelay } from "./loop_delay.ts";
import { benchGone, sayReady } from "./talk.ts";

answerLoopDelay();
sayReady({});
await benchGone();
