import { CachedAnswer } from '../../../../base/cached-answer.ts';
import type { Clock } from '../../../../base/clock.ts';
import { hostErrors, messageOf } from '../../../errors/index.ts';
import { locate, runProgram } from '../../../programs.ts';
import { errorsIn, hypervisorProblem } from './classify.ts';
import { type Domain, isUnfinished, parseDisks, parseDomains, parseInfo, type XenInfo } from './parse.ts';

export type ToolstackConfig = {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Name or path of xl. */
  readonly xl: string;
  /** Where programs are looked for, as `PATH`. */
  readonly searchPath: string;
};

/** How long a command that only reads may take; while xl creates a domain, others wait for it. */
const questionLimitMs = 60_000;
/** How long an answer is reused, at least, by callers that may see an older state. */
const recentMs = 1_000;
/** Commands that change nothing. */
const questions: readonly (string | undefined)[] = ['info', 'list'];

/**
 * Xen's tools. Errors are `HostError`s: `HypervisorMissing`, `HypervisorNotRunning`, `HypervisorNotAllowed`,
 * `XenstoreSilent` when no command can work; `ToolstackFailed` with xl's output, or `ToolstackSilent`, when one command failed.
 */
export class Toolstack {
  readonly #config: ToolstackConfig;
  #listing: Promise<readonly Domain[]> | undefined;
  #nextListing: Promise<readonly Domain[]> | undefined;
  readonly #recentDomains: CachedAnswer<readonly Domain[]>;
  readonly #recentInfo: CachedAnswer<XenInfo>;
  #disks: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(config: ToolstackConfig) {
    this.#config = config;
    this.#recentDomains = new CachedAnswer(config.clock, recentMs);
    this.#recentInfo = new CachedAnswer(config.clock, recentMs);
  }

  /** The path of xl. */
  async program(): Promise<string> {
    return this.#locate(this.#config.xl);
  }

  /** Runs `xl …` and resolves with its output. */
  async run(argv: readonly string[], timeoutMs = questionLimitMs): Promise<string> {
    const answer = this.#run(await this.program(), argv, `xl ${argv.join(' ')}`, timeoutMs);
    return questions.includes(argv[0]) ? answer : answer.finally(() => this.forget());
  }

  /** To be called after domains were changed other than by `run`: drops the recent answers. */
  forget(): void {
    this.#recentDomains.forget();
    this.#recentInfo.forget();
  }

  /** The host. May be some seconds old (see `CachedAnswer`), but not older than this program's last change. */
  info(): Promise<XenInfo> {
    return this.#recentInfo.get(async () => parsed('xl info', parseInfo, await this.run(['info'])));
  }

  /** As `domains`, but as recent as `info`: xl is not called once for each VM that is inspected. */
  recentDomains(): Promise<readonly Domain[]> {
    return this.#recentDomains.get(() => this.domains());
  }

  /**
   * All domains, Domain-0 first, as they are at some moment after the call. Callers that arrive while xl is answering share the
   * next answer, so that xl is not called once for each VM.
   */
  domains(): Promise<readonly Domain[]> {
    if (this.#listing === undefined) return this.#list();
    this.#nextListing ??= this.#listing.then(
      () => this.#list(),
      () => this.#list(),
    );
    return this.#nextListing;
  }

  /** The files of a domain's disks, by domain id: of one domain or of all, without half-made ones. */
  async disks(id?: number): Promise<ReadonlyMap<number, readonly string[]>> {
    const one = id === undefined ? [] : [String(id)];
    return parsed('xl list -l', parseDisks, await this.run(['list', '-l', ...one]));
  }

  /** As `disks`, for these domains as they were made. Asks xl only when one of them is new, because xl takes long. */
  async firstDisks(domains: readonly Domain[]): Promise<ReadonlyMap<number, readonly string[]>> {
    const keyOf = ({ id, uuid }: Domain) => `${id} ${uuid}`;
    const areKnown = domains.every((domain) => this.#disks.has(keyOf(domain)));
    const asked = areKnown ? new Map<number, readonly string[]>() : await this.disks();
    const found = domains.flatMap((domain) => {
      const paths = this.#disks.get(keyOf(domain)) ?? asked.get(domain.id);
      return paths === undefined ? [] : [[domain, paths] as const];
    });
    const whole = found.filter(([domain]) => !isUnfinished(domain));
    this.#disks = new Map(whole.map(([domain, paths]) => [keyOf(domain), paths]));
    return new Map(found.map(([{ id }, paths]) => [id, paths]));
  }

  /** A value in xenstore; undefined when there is none. */
  async xenstore(path: string): Promise<string | undefined> {
    const program = await this.#locate('xenstore-read');
    const { exitCode, stdout } = await runProgram(program, [path], { timeoutMs: questionLimitMs });
    return exitCode === 0 ? stdout.replace(/\n$/, '') : undefined;
  }

  /** Sets values in xenstore, by path, in one transaction. */
  async writeXenstore(values: Readonly<Record<string, string>>): Promise<void> {
    await this.#xenstoreTool('xenstore-write', Object.entries(values).flat());
  }

  /** Removes these paths of xenstore and all below them. A path that does not exist is fine if its parent does. */
  async removeXenstore(paths: readonly string[]): Promise<void> {
    await this.#xenstoreTool('xenstore-rm', paths);
  }

  /** Sets the permissions of a node in xenstore, as xenstore-chmod takes them: the owner comes first. */
  async allowXenstore(path: string, rights: readonly string[]): Promise<void> {
    await this.#xenstoreTool('xenstore-chmod', [path, ...rights]);
  }

  async #xenstoreTool(name: string, argv: readonly string[]): Promise<void> {
    await this.#run(await this.#locate(name), argv, [name, ...argv].join(' '), questionLimitMs);
  }

  #list(): Promise<readonly Domain[]> {
    this.#nextListing = undefined;
    const listing = this.run(['list', '-v'])
      .then((output) => parsed('xl list -v', parseDomains, output))
      .finally(() => {
        if (this.#listing === listing) this.#listing = undefined;
      });
    this.#listing = listing;
    return this.#recentDomains.keep(listing);
  }

  async #locate(name: string): Promise<string> {
    const program = await locate(name, this.#config.searchPath);
    if (program === undefined) throw hostErrors.xenToolMissing(name);
    return program;
  }

  async #run(program: string, argv: readonly string[], command: string, timeoutMs: number): Promise<string> {
    const { exitCode, stdout, stderr, timedOut } = await runProgram(program, argv, { timeoutMs });
    if (timedOut) throw hostErrors.xlSilent(command, timeoutMs / 1000);
    if (exitCode === 0) return stdout;
    const output = errorsIn(stderr) || `it ended with exit code ${exitCode} and no output`;
    throw hypervisorProblem(output) ?? hostErrors.xlFailed(command, output);
  }
}

function parsed<T>(command: string, parse: (output: string) => T, output: string): T {
  try {
    return parse(output);
  } catch (error) {
    throw hostErrors.xlFailed(command, `its output cannot be parsed: ${messageOf(error)}`);
  }
}
