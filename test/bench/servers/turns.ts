/**
 * People who talk to agents of many tenants, each as soon as it has its answer.
 *
 * @module
 */
import process from "node:process";
import { serveCallJobs } from "./call_loop.ts";
import { benchGone, sayReady } from "./talk.ts";
import { openTurnWork } from "./turn_work.ts";

/** Messages of one person, who has a past to remember after the first. */
const MESSAGES_EACH = 4;

/** Tenants met at once. */
const MEETINGS = 64;

const [dir = "", migrationsDir = "", count = "1"] = process.argv.slice(2);
const tenants = Number(count);
await using core = await openTurnWork({ dir, migrationsDir, tenants });

/** Those who have not said everything, by who they are; nobody says two things at once. */
const talking: { readonly person: number; said: number }[] = [];
let people = 0;

async function talkOn(): Promise<void> {
  const one = talking.shift() ?? { person: people++, said: 0 };
  await core.talk(one.person % tenants, `person-${one.person}`);
  one.said += 1;
  if (one.said < MESSAGES_EACH) talking.push(one);
}

/** Everybody's first turn since the start reads what later ones remember. */
async function meetEveryTenant(): Promise<void> {
  let met = 0;
  const meeting = async (): Promise<void> => {
    while (met < tenants) await core.talk(met++, "somebody before");
  };
  await Promise.all(Array.from({ length: MEETINGS }, meeting));
}

await meetEveryTenant();
serveCallJobs(talkOn);
sayReady({});
await benchGone();
