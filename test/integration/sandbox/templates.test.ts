/**
 * What `nexo init` makes runs at every level of this machine or a poorer one.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { discoverMicroapps } from "../../../core/microapps/discovery.ts";
import { callTool, openTestHost } from "../../support/microapps/host.ts";
import { withoutBwrap } from "../../support/sandbox/place.ts";

const templates = fileURLToPath(new URL("../../../extensions/templates/", import.meta.url));

describe.each([["ts", "notebook", "permissions"], ["python", "notebook-py", "none"]])(
  "the template %s",
  (path, id, poorer) => {
    it.each([["with bwrap", "bwrap", undefined], ["without bwrap", poorer, withoutBwrap]])(
      "keeps notes %s",
      async (_, level, helpers) => {
        const { candidates } = await discoverMicroapps({
          config: { search_paths: [path] },
          configDir: templates,
          env: process.env,
          agentVersion: "0.1.5",
        });
        await using app = await openTestHost(candidates, helpers === undefined ? {} : { helpers });
        await app.host.settled();
        expect(app.host.status()).toMatchObject([{ id, state: "ready", sandbox: level }]);
        expect((await callTool(app, id, "note_add", { text: "kept" })).ok).toBe(true);
        expect(await callTool(app, id, "note_list")).toMatchObject({
          value: { notes: [{ text: "kept" }] },
        });
      },
    );
  },
);
