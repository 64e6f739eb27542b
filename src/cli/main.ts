#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { saveMemory } from '../main/node-flags.ts';

saveMemory(process.argv[2]);

// Half of the time that a command takes to start is stripping types and compiling; every start but the first saves it.
// It has to be switched on before anything else is imported. A folder that cannot be written to is no error.
enableCompileCache(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'coppice', 'compiled'));

const { runProgram } = await import('./program.ts');
await runProgram(import.meta.filename);
