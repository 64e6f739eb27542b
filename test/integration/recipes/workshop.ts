import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../..');
const COPIED = [
  'src',
  'controllers',
  'crds',
  'charts',
  'scripts',
  'test',
  'docs',
  'package.json',
  'biome.json',
  '.gitignore',
];

/** A copy of the repository's sources, without their tests, in which things are added by the recipes of docs/architecture.md. */
export class Workshop {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<Workshop> {
    const root = await mkdtemp(join(tmpdir(), 'coppice-recipes-'));
    const filter = (path: string) => !path.endsWith('.test.ts');
    for (const name of COPIED)
      await cp(join(repository, name), join(root, name), { recursive: true, filter });
    await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
    const config = JSON.parse(await readFile(join(repository, 'tsconfig.json'), 'utf8')) as object;
    const include = ['src', 'controllers', 'scripts', 'probes'];
    await writeFile(join(root, 'tsconfig.json'), JSON.stringify({ ...config, include }));
    return new Workshop(root);
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true });
  }

  /** Writes what is derived from the files, as the recipe ends with; rejects when something does not fit. */
  async generate(): Promise<void> {
    await this.node(['scripts/generate.ts']);
  }

  /** Rejects with the compiler's output unless everything fits together. */
  async compile(): Promise<void> {
    await this.#run(join(this.root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json']);
  }

  /** Writes a program that is compiled with the rest and may import all of it. */
  async probe(name: string, text: string): Promise<void> {
    await mkdir(join(this.root, 'probes'), { recursive: true });
    await writeFile(join(this.root, 'probes', name), text);
  }

  /** Runs a program of the copy and resolves with what it says. */
  async node(args: readonly string[]): Promise<string> {
    return await this.#run(process.execPath, args);
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    try {
      const env = { ...process.env, COPPICE_TEST_API: 'embedded' };
      return (await run(program, args, { cwd: this.root, env, maxBuffer: 2 ** 24 })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${[program, ...args].join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
    }
  }
}

/** One recipe of docs/architecture.md at work: it changes the files that the page names, and no others. */
export class Recipe {
  readonly #root: string;
  /** The places that the page names. */
  readonly places: readonly string[];
  readonly #used = new Set<string>();

  private constructor(root: string, places: readonly string[]) {
    this.#root = root;
    this.places = places;
  }

  /** @param title as the page has it: `A driver` */
  static async read(workshop: Workshop, title: string): Promise<Recipe> {
    const page = await readFile(join(workshop.root, 'docs/architecture.md'), 'utf8');
    return new Recipe(workshop.root, placesIn(page, title));
  }

  /** Places that were not needed: the page names too much. */
  get unused(): readonly string[] {
    return this.places.filter((place) => !this.#used.has(place));
  }

  /** Adds a file. */
  async add(path: string, text: string): Promise<void> {
    this.#use(path);
    const file = join(this.#root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  }

  /** Puts a text behind the first occurrence of another one. */
  async insert(path: string, after: string | RegExp, text: string): Promise<void> {
    this.#use(path);
    const file = join(this.#root, path);
    const old = await readFile(file, 'utf8');
    const found = typeof after === 'string' ? after : after.exec(old)?.[0];
    const at = found === undefined ? -1 : old.indexOf(found);
    if (found === undefined || at < 0) throw new Error(`${path} has no ${after}`);
    const end = at + found.length;
    await writeFile(file, old.slice(0, end) + text + old.slice(end));
  }

  #use(path: string): void {
    const fitting = this.places.filter((candidate) => matches(candidate, path));
    const place = fitting.find((candidate) => candidate === path) ?? fitting[0];
    if (place === undefined)
      throw new Error(`docs/architecture.md does not name ${path}, only ${this.places.join(', ')}`);
    this.#used.add(place);
  }
}

/** The file that each numbered line below the title begins with. */
export function placesIn(page: string, title: string): readonly string[] {
  const section = page.split(/^### /m).find((part) => part.startsWith(title));
  const lines = section?.split(/^##? /m)[0]?.split('\n') ?? [];
  const places = lines.flatMap((line) => /^\d+\. `([^`]+)`:/.exec(line)?.[1] ?? []);
  if (places.length === 0) throw new Error(`docs/architecture.md has no recipe "${title}"`);
  return places;
}

/** Whether the place, which may have a `<name>` in it and end as a folder, is where this file is. */
function matches(place: string, path: string): boolean {
  const pattern = place
    .split(/<[a-z]+>/)
    .map((part) => part.replaceAll('.', '\\.'))
    .join('[^/]+');
  return new RegExp(`^${pattern}${place.endsWith('/') ? '.+' : ''}$`).test(path);
}
