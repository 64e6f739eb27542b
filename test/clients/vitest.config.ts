import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm run test:clients`: what other languages' clients make of the API server. Not part of `npm test`. */
export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: { include: ['test/clients/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 600_000 },
});
