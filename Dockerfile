# The sidecar as a container. Mount a folder with holdfast.yaml and identity.pem at /etc/holdfast.
#     docker build -t holdfast .
#     docker run --rm -v "$PWD/office:/etc/holdfast" --network host holdfast
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /holdfast
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN node scripts/build.mjs --clean && npm prune --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
# Only transparent capture, suspension and `source: preserve` need them.
RUN apt-get update && apt-get install -y --no-install-recommends nftables iproute2 && rm -rf /var/lib/apt/lists/*
WORKDIR /holdfast
COPY --from=build /holdfast/package.json ./
COPY --from=build /holdfast/node_modules ./node_modules
COPY --from=build /holdfast/build/src ./build/src
# Any user will do; the files in /etc/holdfast must be its own. Its admin socket goes there, too.
USER 1000:1000
HEALTHCHECK --interval=15s --timeout=5s --start-period=5s CMD ["node", "build/src/cli/main.js", "status", "--config", "/etc/holdfast/holdfast.yaml"]
ENTRYPOINT ["node", "build/src/cli/main.js"]
CMD ["up", "--config", "/etc/holdfast/holdfast.yaml"]
