import { describe, expect, it } from "vitest";
import type { Bus } from "../../../../core/bus/bus.ts";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { sealBus } from "../../../../core/bus/sealed_bus.ts";
import type { Random } from "../../../../core/contract/mod.ts";
import { collector } from "../../../suites/bus.ts";
import { createLogWatch } from "../../../support/log_watch.ts";

const KEY = new TextEncoder().encode("a key that only core and its edges know");
const OTHER_KEY = new TextEncoder().encode("a key that somebody else has made up");
const NEWS = ["news.a", "news.b"];
const random: Random = (bytes) => crypto.getRandomValues(bytes);
const encode = (text: string) => new TextEncoder().encode(text);

const seal = (bus: Bus, key: Uint8Array | undefined, log = createLogWatch()) =>
  sealBus(bus, { key, requests: [], news: NEWS, random, log });

describe("publications of sealBus()", () => {
  it("are read by who has the key, and by nobody on the way", async () => {
    await using bus = openLocalBus();
    const [one, other] = [await seal(bus, KEY), await seal(bus, KEY)];
    const [heard, passed] = [collector(), collector()];
    other.subscribe("news.a", {}, heard.hear);
    bus.subscribe("news.a", {}, passed.hear);
    one.publish("news.a", encode("ana is here"));
    await Promise.all([heard.until(1), passed.until(1)]);
    expect(new TextDecoder().decode(heard.heard[0]?.data)).toBe("ana is here");
    expect(new TextDecoder().decode(passed.heard[0]?.data)).not.toContain("ana");
  });

  it("that are plain, forged or of another subject are heard by nobody, and logged", async () => {
    await using bus = openLocalBus();
    const log = createLogWatch();
    const [one, forger, plain] = [
      await seal(bus, KEY, log),
      await seal(bus, OTHER_KEY),
      await seal(bus, undefined),
    ];
    const [heard, moved] = [collector(), collector()];
    one.subscribe("news.a", {}, heard.hear);
    bus.subscribe("news.b", {}, moved.hear);
    bus.publish("news.a", encode("as it is"));
    plain.publish("news.a", encode("without a key"));
    forger.publish("news.a", encode("another key"));
    one.publish("news.b", encode("of another subject"));
    await moved.until(1);
    bus.publish("news.a", moved.heard[0]?.data ?? new Uint8Array());
    await log.until("bus.unread", 4);
    one.publish("news.a", encode("true"));
    await heard.until(1);
    expect(heard.heard.map(({ data }) => new TextDecoder().decode(data))).toEqual(["true"]);
  });

  it("are not heard any more once the subscription has ended", async () => {
    await using bus = openLocalBus();
    const one = await seal(bus, KEY);
    const [early, late] = [collector(), collector()];
    const end = new AbortController();
    one.subscribe("news.a", { signal: end.signal }, early.hear);
    one.subscribe("news.a", {}, late.hear);
    bus.subscribe("news.a", {}, () => end.abort());
    one.publish("news.a", encode("too late"));
    await late.until(1);
    expect(early.heard).toEqual([]);
  });

  it("are made before the bus is gone", async () => {
    const bus = openLocalBus();
    const passed = collector();
    const one = await seal(bus, KEY);
    bus.subscribe("news.a", {}, passed.hear);
    one.publish("news.a", encode("goodbye"));
    await one[Symbol.asyncDispose]();
    expect(passed.heard).toHaveLength(1);
    expect(() => bus.publish("news.a", encode("x"))).toThrow("closed");
  });

  it("that the bus does not take are logged", async () => {
    const log = createLogWatch();
    const bus = openLocalBus();
    const one = await seal(bus, KEY, log);
    await bus[Symbol.asyncDispose]();
    one.publish("news.a", encode("x"));
    expect(await log.until("bus.dropped")).toMatchObject({ subject: "news.a" });
  });
});
