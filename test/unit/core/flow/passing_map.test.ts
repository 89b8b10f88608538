import { expect, test } from "vitest";
import { createPassingMap } from "../../../../core/flow/passing_map.ts";

test("holds what was put in last, in the order in which keys came", () => {
  const map = createPassingMap<string, number>();
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  expect([...map.keys()]).toEqual(["a", "b"]);
  expect([...map.values()]).toEqual([3, 2]);
  expect(map.size).toBe(2);
  expect(map.get("a")).toBe(3);
  expect(map.get("c")).toBeUndefined();
});

test("what was deleted is gone, and may come again", () => {
  const map = createPassingMap<string, number>();
  map.set("a", 1);
  expect(map.delete("a")).toBe(true);
  expect(map.delete("a")).toBe(false);
  expect(map.has("a")).toBe(false);
  expect(map.get("a")).toBeUndefined();
  map.set("a", 2);
  expect(map.get("a")).toBe(2);
});

test("has nothing after it was cleared", () => {
  const map = createPassingMap<string, number>();
  map.set("a", 1);
  map.clear();
  expect(map.size).toBe(0);
  expect([...map.values()]).toEqual([]);
});
