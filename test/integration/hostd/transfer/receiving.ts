import { readFile } from 'node:fs/promises';
import { type Asking, receive } from './fixtures.ts';

/**
 * A process that receives a layer, so that it can be killed: `node receiving.ts FILE`, with the request in the file as JSON. It prints
 * how much is there, each time there is more.
 */
const [path = ''] = process.argv.slice(2);
const { layer, asking } = JSON.parse(await readFile(path, 'utf8')) as {
  readonly layer: Parameters<typeof receive>[0];
  readonly asking: Asking;
};
await receive(layer, {
  ...asking,
  onProgress: ({ present }) => void process.stdout.write(`${present}\n`),
});
