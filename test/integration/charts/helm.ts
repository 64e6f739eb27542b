import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../../../src/base/object.ts';
import { findCompanion } from '../../kubernetes/assets.ts';

const CHARTS = join(import.meta.dirname, '../../../charts');
export const NAMESPACE = 'coppice-system';

/** What tests read of a pod's template. */
export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly [Container];
    readonly [field: string]: unknown;
  };
}

interface Container {
  readonly args: readonly string[];
  readonly [field: string]: unknown;
}

/** An object as a chart makes it, of whatever kind: these are the fields that tests read. */
export interface Manifest extends KubeObject {
  readonly spec: {
    readonly template: PodTemplate;
    readonly selector: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly ports: readonly object[];
    readonly [field: string]: unknown;
  };
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly rules?: readonly { readonly resources: readonly string[] }[];
}

export const NO_HELM = 'no helm: put it into the folder that KUBEBUILDER_ASSETS names, or into the PATH';

/** Helm without a cluster. */
export class Helm {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /** The helm of the tests' cache, or of the machine; undefined when there is none, which in CI is a failure. */
  static async find(): Promise<Helm | undefined> {
    const program = await findCompanion('helm', process.env);
    if (program !== undefined) return new Helm(program);
    if (process.env.CI) throw new Error(NO_HELM);
    return undefined;
  }

  /** All objects of the chart with those values, hooks' ones included, on a cluster that has `kinds` besides its own. */
  async render(chart: string, values: object = {}, kinds: readonly string[] = []): Promise<Rendered> {
    const has = kinds.map((version) => `--api-versions=${version}`);
    const documents = loadAll(await this.#run(['template', ...release(chart), ...has], values));
    // A file of which all is switched off leaves a document of comments alone.
    return new Rendered(documents.filter((document) => document !== null) as Manifest[]);
  }

  /** What an installation says to do next. */
  async notes(chart: string, values: object = {}): Promise<string> {
    const args = ['install', ...release(chart), '--dry-run=client', '--output=json'];
    return (JSON.parse(await this.#run(args, values)) as { info: { notes: string } }).info.notes;
  }

  #run(args: readonly string[], values: object): Promise<string> {
    // No settings and no cluster of the user's.
    const env = { PATH: process.env.PATH, HOME: join(tmpdir(), 'coppice-no-home') };
    return new Promise((resolve, reject) => {
      const options = { env, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(this.#program, [...args, '--values=-'], options, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
      child.stdin?.end(JSON.stringify(values));
    });
  }
}

function release(chart: string): readonly string[] {
  return [chart, join(CHARTS, chart), `--namespace=${NAMESPACE}`];
}

/** The objects of a chart. */
export class Rendered {
  readonly objects: readonly Manifest[];

  constructor(objects: readonly Manifest[]) {
    this.objects = objects;
  }

  all(kind: string): readonly Manifest[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  names(kind: string): readonly string[] {
    return this.all(kind).map(({ metadata }) => metadata.name);
  }

  /** The only one of that kind, or the one of that name. */
  one(kind: string, name?: string): Manifest {
    const found = this.all(kind).filter(({ metadata }) => name === undefined || metadata.name === name);
    const [first] = found;
    if (first === undefined || found.length > 1)
      throw new Error(`there are ${found.length} of ${kind} ${name}`);
    return first;
  }
}
