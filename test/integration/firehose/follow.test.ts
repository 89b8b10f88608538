import { describe, expect, it } from "vitest";
import { events, follow, noted, numbersIn, openPlace } from "./support.ts";

describe("GET /firehose", () => {
  it("says ready, then tells what is committed, whole and in order", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    await place.core().put("acme", noted("ana", 0));
    const follower = await follow(place, token);
    await follower.until((frames) => frames.length > 0);
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    await place.core().put("globex", noted("ana", 100));
    await place.core().put("acme", noted("ana", 3));
    await follower.until(events(3));
    expect(follower.frames[0]?.type).toBe("ready");
    expect(numbersIn(follower.frames)).toEqual([1, 2, 3]);
    expect(follower.texts.join()).not.toContain("globex");
    await follower.close();
  });
});
