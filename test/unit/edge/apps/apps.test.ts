import { appsSuite } from "../../../suites/apps.ts";
import { openApps } from "../../../support/apps.ts";

const KEY = new Uint8Array(32).fill(7);

appsSuite("a Node edge, in process", () => openApps());
appsSuite("a Node edge, in process and sealed", () => openApps({ key: KEY }));
