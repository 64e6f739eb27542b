import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a command whose output nobody needs. @throws Error when it fails */
export async function toTheEnd(program: string, argv: readonly string[]): Promise<void> {
  const [code] = await once(spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
  if (code !== 0) throw new Error(`${program} ${argv.join(' ')} ended with ${code}`);
}
