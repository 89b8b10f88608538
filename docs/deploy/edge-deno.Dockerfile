# An edge on Deno, which may use the network and the environment and nothing else of its machine.
# Build from the repository:
#   docker build -f docs/deploy/edge-deno.Dockerfile -t nexo-edge-deno .
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run -s build && npm prune --omit=dev --ignore-scripts

FROM denoland/deno:bin-2.9.5 AS deno

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home nexo
COPY --from=deno /deno /usr/local/bin/deno
WORKDIR /opt/nexo
COPY --from=build /src/package.json /src/deno.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/core ./core
COPY --from=build /src/edge ./edge
COPY --from=build /src/dist/edge/assets.json ./dist/edge/assets.json
USER nexo
ENV NEXO_PORT=8787 NEXO_HOST=0.0.0.0
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["deno", "eval", "const { ok } = await fetch(`http://127.0.0.1:${Deno.env.get('NEXO_PORT')}/readyz`); Deno.exit(ok ? 0 : 1)"]
ENTRYPOINT ["deno", "run", "--no-prompt", "--cached-only", "--allow-net", "--allow-env", "edge/deno.ts"]
