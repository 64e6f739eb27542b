/** What people type, of which scripts are made: each runs in a namespace of its own on both servers. */

/**
 * One command; `input` goes to its standard input. In both `{ns}` stands for the namespace, and `{kept}` for what an
 * earlier command printed.
 */
export interface Command {
  readonly args: readonly string[];
  readonly input?: string;
  /** What the editor does, as a sed script, where the command opens one. */
  readonly editing?: string;
  /** It must end with exit code 1, others with 0. */
  readonly fails?: true;
  /** What it prints is kept for later commands: a uid. */
  readonly isKept?: true;
  /** Chance decides what it prints. */
  readonly isAside?: true;
  /** It goes on until it has printed all that these lead to, and is ended then. */
  readonly watches?: Watching;
}

/** What a command is to print that watches. */
export interface Watching {
  /** So many lines come at once. */
  readonly first: number;
  /** What is typed meanwhile, and how many lines come of each. */
  readonly then: readonly { readonly command: Command; readonly lines: number }[];
}

export interface Script {
  readonly name: string;
  readonly commands: readonly Command[];
}

export function script(name: string, ...commands: Command[]): Script {
  return { name, commands };
}

export function run(line: string, input?: string): Command {
  const args = line.split(' ');
  return input === undefined ? { args } : { args, input };
}

export function fails(command: Command): Command {
  return { ...command, fails: true };
}

export function keep(command: Command): Command {
  return { ...command, isKept: true };
}

/** Has the command print its first lines, then those that each of the others leads to. */
export function watching(command: Command, first: number, ...then: Watching['then'][number][]): Command {
  return { ...command, watches: { first, then } };
}

/** An argument with blanks in it comes last. */
export function runWith(line: string, last: string): Command {
  return { args: [...line.split(' '), last] };
}

export function edit(line: string, editing: string): Command {
  return { args: line.split(' '), editing };
}

interface WidgetFields {
  readonly colour?: string;
  readonly replicas?: number;
  readonly labels?: string;
  readonly more?: string;
}

export function widget(
  name: string,
  { colour = 'green', replicas = 2, labels = 'app: test', more = '' }: WidgetFields = {},
): string {
  return `apiVersion: example.com/v1
kind: Widget
metadata: {name: ${name}, labels: {${labels}}}
spec: {colour: ${colour}, replicas: ${replicas}, parts: [{name: left, weight: 1}]${more}}
`;
}

export const apply = (manifest: string): Command => run('apply -f -', manifest);
