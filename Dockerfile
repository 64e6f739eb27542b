# Coppice's images: `docker build --target operator -t REGISTRY/coppice:0.1.0 .` and `--target host -t REGISTRY/coppice-host:0.1.0`.
# `npm run image` makes the same without docker; scripts/image.test.ts holds the two against each other.
# To pin the base by content as well: --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS release
WORKDIR /build
COPY package.json package-lock.json ./
# Not `npm ci`: see scripts/bootstrap.sh. The optional packages have the bundler's program for this machine.
RUN npm install --no-save --ignore-scripts --include=dev --include=optional
COPY . .
RUN npm run build

FROM ${NODE_IMAGE} AS operator
COPY --from=release /build/dist/package.json /opt/coppice/package.json
COPY --from=release /build/dist/LICENSE /opt/coppice/LICENSE
COPY --from=release /build/dist/THIRD_PARTY_LICENSES.txt /opt/coppice/THIRD_PARTY_LICENSES.txt
COPY --from=release /build/dist/crds /opt/coppice/crds
COPY --from=release /build/dist/lib /opt/coppice/lib
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "/opt/coppice/lib/coppice.js"]

# A host's daemon rules over its machine's disks and processes.
FROM operator AS host
USER 0:0
RUN apt-get update \
  && apt-get install --yes --no-install-recommends qemu-system-x86 qemu-utils iproute2 ovmf xz-utils zstd bzip2 xorriso \
  && rm -rf /var/lib/apt/lists/*
