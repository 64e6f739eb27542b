import { afterAll, beforeAll, vi } from 'vitest';
import { startControlPlane } from '../../../kubernetes/control-plane.ts';
import { readCrds } from '../../../kubernetes/crds.ts';
import { startEmbedded } from '../../../kubernetes/embedded.ts';
import type { TestServer } from '../../../kubernetes/test-server.ts';
import { type Caller, gizmoCrd, widgetCrd } from '../world.ts';
import { CRDS } from './case.ts';
import { callerOf } from './transcript.ts';

/** Those whose work the embedded server does, too; others would put objects of their own into every namespace. */
const CONTROLLERS = 'garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller';
/** Who may come with a bearer token, on both servers. */
const TOKENS = 'token-of-dora,dora,uid-of-dora,"devs,testers"\ntoken-of-eve,eve,\n';
const patience = { timeout: 60_000, interval: 50 };

/** A server under comparison, with the kinds of the fixtures and our own. */
export interface Side {
  readonly api: Caller;
  readonly server: TestServer;
  /** A caller with connections of its own, for a server that was restarted. */
  reconnect(): Promise<Caller>;
  stop(): Promise<void>;
}

export interface Sides {
  readonly embedded: Side;
  readonly kube: Side;
}

/** Starts the embedded server and, from the programs in that folder, kube-apiserver. */
export async function startSides(programs: string): Promise<Sides> {
  const [embedded, kube] = await Promise.all([
    startEmbedded(TOKENS).then(sideOf),
    startControlPlane(programs, { controllers: CONTROLLERS, tokens: TOKENS }).then(sideOf),
  ]);
  return { embedded, kube };
}

/** Both servers for the tests of a suite, which the suite's hooks start and stop. Nothing is in it before its tests run. */
export function useSides(programs: string): Sides {
  const sides: Partial<Sides> = {};
  beforeAll(async () => {
    Object.assign(sides, await startSides(programs));
  });
  afterAll(async () => {
    await sides.embedded?.stop();
    await sides.kube?.stop();
  });
  return sides as Sides;
}

async function sideOf(server: TestServer): Promise<Side> {
  const api = await callerOf(server.kubeconfigPath);
  const stop = async (): Promise<void> => {
    api.close();
    await server.stop();
  };
  try {
    await define(api);
    const reconnect = () => callerOf(server.kubeconfigPath);
    return { api, server, reconnect, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function define(api: Caller): Promise<void> {
  const definitions = [await widgetCrd(), await gizmoCrd(), ...(await readCrds())];
  for (const definition of definitions) {
    const { status, text } = await api.post(CRDS, definition);
    if (status !== 201) throw new Error(`${definition.metadata.name} is refused: ${text}`);
  }
  const served = definitions.flatMap((definition) => {
    const { group, names, versions } = (definition as { spec?: unknown }).spec as DefinitionSpec;
    return versions.map(({ name }) => ({ path: `${group}/${name}`, ...names }));
  });
  const waitFor = (path: string, part: string) =>
    vi.waitUntil(async () => {
      const { status, text } = await api.get(path);
      return status === 200 && text.includes(part);
    }, patience);
  await Promise.all(served.map(({ path, plural }) => waitFor(`/apis/${path}/${plural}`, 'items')));
  // kube-apiserver publishes a new kind's OpenAPI, by which it merges, some time after it serves the kind.
  await Promise.all(served.map(({ path, kind }) => waitFor(`/openapi/v3/apis/${path}`, `"${kind}"`)));
}

interface DefinitionSpec {
  readonly group: string;
  readonly names: { readonly plural: string; readonly kind: string };
  readonly versions: readonly { readonly name: string }[];
}
