#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { saveMemory } from '../main/node-flags.ts';

saveMemory(process.argv[2]);

// Stripping types and compiling take half of a command's start time; the cache saves that in every start but the first.
// It must be enabled before anything else is imported. A cache folder that cannot be written is not an error.
enableCompileCache(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'coppice', 'compiled'));

const { runProgram } = await import('./program.ts');
await runProgram(import.meta.filename);
