import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configJsonSchemas } from "../../../../core/settings/files.ts";

const DOCS = join(import.meta.dirname, "../../../../docs/schemas");

describe("configJsonSchemas()", () => {
  it.each(Object.entries(configJsonSchemas()))(
    "is what docs/schemas says of %s (vitest -u writes it)",
    async (file, schema) => {
      const name = file.replace(/\.yaml$/, ".json");
      await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(join(DOCS, name));
    },
  );
});
