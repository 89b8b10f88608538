/**
 * `rate-limiter-flexible` in memory: what it allowed, a restart forgets.
 *
 * @module
 */
import { RateLimiterMemory } from "rate-limiter-flexible";
import { serveCallJobs } from "./call_loop.ts";
import { DAY_SECONDS, KEYS, POINTS } from "./limiter_load.ts";
import { benchGone, sayReady } from "./talk.ts";

const limiter = new RateLimiterMemory({ points: POINTS, duration: DAY_SECONDS });
const tenants = Array.from({ length: KEYS }, (_, i) => `t${i}`);
const [agent, binding, tool] = ["ana", "event:drip", "ext_marketing_send_drip"];

// Whoever asks has the parts of a key, not the key. It rejects when a call is refused, which fails the round.
serveCallJobs(async (number) =>
  void await limiter.consume(`${tenants[number % KEYS]}/${agent}/${binding}/${tool}`)
);
sayReady({});
await benchGone();
