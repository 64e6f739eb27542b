/**
 * A process that downloads slowly and prints the outcome: `node downloading.ts URL SHA256 PATH`. It has loaded the undici inside
 * Node first, as any part of a daemon may, which then owns the process's global dispatcher.
 */
await fetch('data:,');
const { download } = await import('../../../src/hostd/layers/download.ts');
const { WrongContent } = await import('../../../src/hostd/layers/wrong-content.ts');
const { toHostError } = await import('../../../src/hostd/errors/index.ts');

const [url = '', sha256 = '', path = ''] = process.argv.slice(2);
/** Blocks: the socket's end arrives while the body has not been read. */
const dawdle = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);

const outcome = await download({
  url,
  sha256,
  path,
  fileRoots: [],
  signal: new AbortController().signal,
  wrong: new WrongContent(),
  ensureRoom: () => new Promise((resolve) => setTimeout(resolve, 100)),
  onProgress: dawdle,
}).then(
  () => 'whole',
  (error: unknown) => `${toHostError(error).reason}, ${toHostError(error).kind}`,
);
console.log(outcome);
