/** The floors of the house as rules, from the ground up; docs/architecture.md draws them. */
const floors = [
  ["contract"],
  ["settings", "redact", "signing", "flow"],
  ["store", "bus"],
  ["queues", "events", "vault"],
  ["record", "models", "microapps", "limits"],
  ["agents", "oversight", "pairing"],
  ["conversations", "channels"],
  ["intake", "delivery", "schedules"],
  ["admin"],
];
const inRooms = (names) => `^core/(${names.join("|")})/`;
const rule = (name, from, to) => ({ name, severity: "error", from, to });

const lookDown = floors.map((rooms, i) =>
  rule(
    `${rooms.join("-")}-look-down`,
    { path: inRooms(rooms) },
    // $1 is the importing room: itself and the lower floors are fine, the rest of core is not.
    { path: "^core/", pathNot: ["^core/$1/", ...floors.slice(0, i).map(inRooms)] },
  )
);

module.exports = {
  forbidden: [
    ...lookDown,
    rule("no-cycles", {}, { circular: true }),
    rule("contract-is-neutral", { path: "^core/contract/" }, {
      pathNot: ["^core/contract/", "(^|/)node_modules/zod/"],
    }),
    rule("extensions-share-only-the-contract", { path: "^extensions/" }, {
      path: "^core/",
      pathNot: "^core/contract/",
    }),
    rule("edge-shares-contract-flow-signing-and-bus", { path: "^edge/" }, {
      path: "^core/",
      pathNot: "^core/(contract|flow|signing|bus)/",
    }),
    rule("edge-and-extensions-are-strangers", { path: "^(edge|extensions)/" }, {
      path: "^(edge|extensions)/",
      pathNot: "^$1/",
    }),
    rule("core-knows-no-extension", { path: "^core/" }, { path: "^extensions/" }),
    rule("only-cli-and-daemon-start-the-edge", { path: "^core/(?!cli/|daemon\\.ts)" }, {
      path: "^edge/",
    }),
    rule("only-the-daemon-and-edge-entries-pick-bus-drivers", {
      path: "^(core|edge)/",
      pathNot: "^(core/bus/|core/daemon(/|\\.ts$)|edge/(node|deno|remote_edge)\\.ts$)",
    }, { path: "^core/bus/(?!bus\\.ts$|exchanges/)" }),
    rule("nothing-imports-tests", { pathNot: "^test/" }, { path: "^test/" }),
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
  },
};
