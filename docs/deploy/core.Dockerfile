# Core, with the edge and every command beside it. Build from the repository:
#   docker build -f docs/deploy/core.Dockerfile -t nexo-core .
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run -s build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
# bubblewrap confines microapps that ask for a sandbox.
RUN apt-get update \
  && apt-get install -y --no-install-recommends bubblewrap \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/nexo
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY --from=build /src/config ./config
COPY --from=build /src/migrations ./migrations
COPY --from=build /src/extensions ./extensions
RUN mkdir -p /var/lib/nexo && chown node:node /var/lib/nexo \
  && ln -s /opt/nexo/dist/core/main.js /usr/local/bin/nexo && chmod +x dist/core/main.js
USER node
# What turns need is short-lived, and cheaper to drop where more of it fits; see docs/deploy.md.
ENV NODE_ENV=production NEXO_HOME=/var/lib/nexo NODE_OPTIONS=--max-semi-space-size=64
VOLUME /var/lib/nexo
STOPSIGNAL SIGTERM
# Its own address is on loopback alone, at a port that changes, so the command asks.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["nexo", "doctor"]
ENTRYPOINT ["nexo"]
CMD ["core"]
