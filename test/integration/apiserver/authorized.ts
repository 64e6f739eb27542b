/** An API server that allows everything, and remembers what it was asked for and what came of it. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { pino } from 'pino';
import { LongWork } from '../../../src/apiserver/aside/long-work.ts';
import { RbacPolicy } from '../../../src/apiserver/auth/rbac/policy.ts';
import type { Attributes, User } from '../../../src/apiserver/auth/types.ts';
import { clusterKinds } from '../../../src/apiserver/core-kinds/cluster.ts';
import { configKinds } from '../../../src/apiserver/core-kinds/config.ts';
import { crdKind } from '../../../src/apiserver/core-kinds/crds.ts';
import { rbacKinds } from '../../../src/apiserver/core-kinds/rbac.ts';
import type { Backend } from '../../../src/apiserver/handlers/context.ts';
import { createObject } from '../../../src/apiserver/handlers/create.ts';
import { customResources } from '../../../src/apiserver/registry/custom-resource.ts';
import type { CustomResourceDefinition } from '../../../src/apiserver/registry/definition.ts';
import { Registry } from '../../../src/apiserver/registry/registry.ts';
import { openPaths } from '../../../src/apiserver/routing/paths.ts';
import { Router } from '../../../src/apiserver/routing/router.ts';
import { DurableStore } from '../../../src/apiserver/storage/durable-store.ts';
import { SqliteFile } from '../../../src/apiserver/storage/sqlite.ts';
import type { Change } from '../../../src/apiserver/storage/store.ts';
import type { KubeObject } from '../../../src/apiserver/types.ts';
import { WatchHub } from '../../../src/apiserver/watch/watch-hub.ts';
import { widgetCrd } from './world.ts';

const ROOT: User = { name: 'root', groups: ['system:masters'] };
const WATCHED_MS = 20;
const HISTORY = { maxChanges: 10_000, maxAgeMs: 600_000 };

export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly body?: string | undefined;
  readonly type?: string | undefined;
}

/** What came of one request. */
export interface Outcome {
  readonly status: number;
  /** What the user had to be allowed to do. */
  readonly attributes: readonly Attributes[];
  /** Objects that the answer holds. */
  readonly shown: readonly KubeObject[];
  readonly changes: readonly Change[];
}

/** The server; each has a store of its own, in memory. */
export class RecordingServer {
  readonly backend: Backend;
  readonly #server: Server;
  #attributes: Attributes[] = [];

  private constructor(backend: Backend, policy: RbacPolicy, hub: WatchHub) {
    this.backend = backend;
    const router = new Router({
      backend,
      longWork: new LongWork(backend, []),
      watches: { hub, bookmarkInterval: 60_000, random: Math.random },
      authenticate: () => ROOT,
      authorize: (attributes) => {
        this.#attributes.push(attributes);
        return { allowed: true };
      },
      reviewer: { policy, lookUpToken: () => undefined },
      state: () => 'ready',
      openPaths: openPaths(() => true),
      paths: () => false,
      log: pino({ level: 'silent' }),
    });
    this.#server = createServer((asked, response) => void router.handle(asked, response));
  }

  static async start(objects: readonly KubeObject[]): Promise<RecordingServer> {
    const store = new DurableStore(new SqliteFile(':memory:'), HISTORY, Date.now, (error) => {
      throw error;
    });
    const registry = new Registry();
    const policy = new RbacPolicy(store);
    registry.add([...clusterKinds(), ...configKinds(), ...rbacKinds(policy), crdKind()]);
    registry.add(customResources((await widgetCrd()) as CustomResourceDefinition));
    const backend = { store, registry, now: Date.now, newUid: randomUUID, nameSuffix: () => 'bcdfg' };
    for (const object of objects) {
      const resource = registry.findKind(object.apiVersion, object.kind);
      if (resource === undefined) throw new Error(`${object.kind} is not served`);
      createObject(backend, resource, structuredClone(object), { dryRun: false, fieldManager: 'test' });
    }
    await store.committed();
    const started = new RecordingServer(backend, policy, new WatchHub(store));
    started.#server.listen(0, '127.0.0.1');
    await once(started.#server, 'listening');
    return started;
  }

  async send({ method, target, body, type }: Asked): Promise<Outcome> {
    const { store } = this.backend;
    this.#attributes = [];
    const before = store.revision;
    const { port } = this.#server.address() as AddressInfo;
    const headers =
      body === undefined ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) };
    // Not a URL, which would resolve dots: the target as it is.
    const sent = request({ host: '127.0.0.1', port, method, path: target, headers, agent: false });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    // A watch does not end by itself; what it begins with is there at once.
    if (this.#attributes.some(({ verb }) => verb === 'watch')) setTimeout(() => sent.destroy(), WATCHED_MS);
    let text = '';
    response.on('data', (chunk) => {
      text += String(chunk);
    });
    await finished(response).catch(() => undefined);
    return {
      status: response.statusCode ?? 0,
      attributes: this.#attributes,
      shown: method === 'HEAD' ? [] : objectsIn(text),
      changes: store.changesAfter(before, 1000) ?? [],
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    this.backend.store.close();
  }
}

/** The stored objects in an answer: one, a list's, or a watch's. */
function objectsIn(text: string): KubeObject[] {
  if (!text.startsWith('{')) return [];
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line): KubeObject[] => {
      const value = JSON.parse(line) as { items?: KubeObject[]; object?: KubeObject } & KubeObject;
      const { apiVersion, kind } = value;
      if (value.items === undefined) return [value.object ?? value];
      return value.items.map((item) => ({ ...item, apiVersion, kind: kind.replace(/List$/, '') }));
    })
    .filter(({ metadata }) => metadata?.uid !== undefined);
}
