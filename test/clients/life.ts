/**
 * The life of an object of every kind, by JavaScript's default client: `node life.ts KUBECONFIG OBJECTS`. Prints a line for each step.
 * Objects that are read are sent back as the client's models have them.
 */
import { readFile } from 'node:fs/promises';
import {
  ApiException,
  ApiextensionsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  EventsV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  RbacAuthorizationV1Api,
} from '@kubernetes/client-node';

type Known = KubernetesObject & {
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
};
type Call = (request: object) => Promise<unknown>;

const APIS = {
  v1: CoreV1Api,
  'events.k8s.io/v1': EventsV1Api,
  'coordination.k8s.io/v1': CoordinationV1Api,
  'rbac.authorization.k8s.io/v1': RbacAuthorizationV1Api,
  'apiextensions.k8s.io/v1': ApiextensionsV1Api,
} as const;

const [kubeconfigPath = '', objectsPath = ''] = process.argv.slice(2);
const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(kubeconfigPath);

async function step<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await act();
    console.log(`${what}: done`);
    return result;
  } catch (error) {
    const told = error instanceof ApiException ? `${error.code} ${messageIn(error.body)}` : String(error);
    console.log(`${what}: ${told}`);
    return undefined;
  }
}

function messageIn(body: unknown): string {
  return typeof body === 'string'
    ? String((JSON.parse(body) as { message?: string }).message)
    : JSON.stringify(body);
}

/** The calls for an object by the class for its group, where there is one; for custom resources by CustomObjectsApi. */
function callsFor(wanted: Known) {
  const { apiVersion = '', kind = '', metadata } = wanted;
  const { name, namespace } = metadata;
  const Api = Object.hasOwn(APIS, apiVersion) ? APIS[apiVersion as keyof typeof APIS] : undefined;
  const [group = '', version = ''] = apiVersion.split('/');
  const plural = `${kind.toLowerCase()}s`;
  const place = Api === undefined ? { group, version, plural } : {};
  const scope = namespace === undefined ? (Api === undefined ? 'Cluster' : '') : 'Namespaced';
  const api = clientOf(Api ?? CustomObjectsApi);
  const call = (verb: string, request: object) => {
    const method = `${verb}${scope}${Api === undefined ? 'CustomObject' : kind}`;
    const found = api[method];
    if (found === undefined) throw new Error(`the client has no ${method}`);
    return found.call(api, { ...place, namespace, ...request }) as Promise<Known>;
  };
  return {
    create: () => call('create', { body: wanted }),
    read: () => call(Api === undefined ? 'get' : 'read', { name }),
    list: () => call('list', {}),
    replace: (body: Known) => call('replace', { name, body }),
    delete: () => call('delete', { name }),
  };
}

function clientOf(Api: Parameters<KubeConfig['makeApiClient']>[0]): Record<string, Call> {
  return kubeConfig.makeApiClient(Api) as unknown as Record<string, Call>;
}

const labelled = (found: Known, value: string): Known => {
  found.metadata.labels = { ...found.metadata.labels, changed: value };
  return found;
};

/** Reads, changes and replaces; again when a controller has written meanwhile. */
async function change({ read, replace }: ReturnType<typeof callsFor>, value: string): Promise<void> {
  for (;;) {
    try {
      await replace(labelled(await read(), value));
      return;
    } catch (error) {
      if (!(error instanceof ApiException) || error.code !== 409) throw error;
    }
  }
}

async function live(wanted: Known): Promise<void> {
  const what = `${wanted.apiVersion} ${wanted.kind}`;
  const calls = callsFor(wanted);
  await step(`${what} create`, calls.create);
  await step(`${what} list`, calls.list);
  await step(`${what} replace`, () => change(calls, 'once'));
  await step(`${what} patch`, () => patch(wanted));
  await step(`${what} replace again`, () => change(calls, 'twice'));
  const last = await step(`${what} read`, calls.read);
  const { changed, patched } = last?.metadata.labels ?? {};
  console.log(`${what} labels: ${JSON.stringify({ changed, patched })}`);
  await step(`${what} delete`, calls.delete);
}

/** By the client for objects of any kind. */
function patch({ apiVersion = '', kind = '', metadata: { name, namespace = 'default' } }: Known) {
  const api = KubernetesObjectApi.makeApiClient(kubeConfig);
  const change = { apiVersion, kind, metadata: { name, namespace, labels: { patched: 'yes' } } };
  return api.patch(change, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
}

const objects = (await readFile(objectsPath, 'utf8')).replaceAll('CLIENT', 'javascript');
for (const wanted of JSON.parse(objects) as Known[]) await live(wanted);
