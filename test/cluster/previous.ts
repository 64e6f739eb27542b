import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';

const VERSION = '0.0.1';
/** A column of TemplateLabel that the previous release did not have. It is no field: the operator waits for all fields. */
export const NEW_COLUMN = 'Title';
/** A value that it did not have. */
export const NEW_VALUE = 'healthPort';

interface Edit {
  readonly file: string;
  readonly change: (text: string) => string;
}

/** What makes the charts of today those of before. */
const EDITS: Readonly<Record<string, readonly Edit[]>> = {
  'coppice-crds': [
    {
      file: 'templates/templatelabels.yaml',
      change: withoutLines(`- {name: ${NEW_COLUMN}, `),
    },
  ],
  coppice: [
    { file: 'values.yaml', change: withoutLines(`  ${NEW_VALUE}: `) },
    { file: 'values.schema.json', change: withoutValue },
    {
      file: 'templates/host-daemon.yaml',
      change: (text) =>
        withoutLines(
          '--health-port=',
          '$probe :=',
        )(text).replaceAll('httpGet: {{ $probe }}', 'tcpSocket: {port: host}'),
    },
  ],
};

/** A copy of the chart as the release before had it, in `directory`; resolves with its folder. */
export async function previousChart(folder: string, name: string, directory: string): Promise<string> {
  const copy = join(directory, `${name}-${VERSION}`);
  await cp(folder, copy, { recursive: true });
  const version: Edit = {
    file: 'Chart.yaml',
    change: (text) => dump({ ...(load(text) as object), version: VERSION }),
  };
  for (const { file, change } of [version, ...(EDITS[name] ?? [])]) {
    const path = join(copy, file);
    const text = await readFile(path, 'utf8');
    const changed = change(text);
    if (changed === text) throw new Error(`${name}/${file} does not have what the release before lacked`);
    await writeFile(path, changed);
  }
  return copy;
}

function withoutLines(...words: readonly string[]): Edit['change'] {
  return (text) =>
    text
      .split('\n')
      .filter((line) => !words.some((each) => line.includes(each)))
      .join('\n');
}

function withoutValue(text: string): string {
  const schema = JSON.parse(text) as {
    properties: { hostDaemon: { properties: Record<string, unknown>; required: string[] } };
  };
  const { hostDaemon } = schema.properties;
  delete hostDaemon.properties[NEW_VALUE];
  hostDaemon.required = hostDaemon.required.filter((name) => name !== NEW_VALUE);
  return JSON.stringify(schema, undefined, 2);
}
