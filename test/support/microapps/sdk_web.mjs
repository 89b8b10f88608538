/**
 * A page with sessions, events and a WebSocket, made with the SDK that lies at the first argument; the
 * second is how its files end.
 *
 * @module
 */
import process from "node:process";

const [sdk, ending] = process.argv.slice(2);
const { defineMicroapp } = await import(`${sdk}/mod${ending}`);
const { createEventLog, serveHttp } = await import(`${sdk}/http/mod${ending}`);

const events = createEventLog();

await defineMicroapp({
  http: serveHttp((app, { signedIn, openSession, events: stream, upgradeWebSocket, hopOf }) => {
    app.get("/", (c) => c.html("<h1>hello</h1>"));
    app.post("/api/session", signedIn(), (c) => {
      openSession(c, { subject: "ana" });
      return c.body(null, 204);
    });
    app.get("/api/me", signedIn(), (c) => c.json(c.get("caller")));
    app.get("/api/hop", (c) => c.json(hopOf(c) ?? null));
    app.post("/api/happen", async (c) => c.text(events.publish({ data: await c.req.json() })));
    app.get("/api/events", (c) => stream(c, events));
    app.get(
      "/socket",
      upgradeWebSocket(() => ({ onMessage: ({ data }, ws) => ws.send(`${data}!`) })),
    );
  }),
}).run();
