import { join } from 'node:path';
import { readFileIfThere, writeFileAtomically } from '../../atomic-files.ts';
import type { Layout } from '../layout.ts';
import type { PartHistory } from './restarts.ts';

/** What a supervisor tells `coppice status`. */
export interface SupervisorReport {
  /** Of the supervisor: the report of one that ended says nothing of now. */
  readonly pid: number;
  readonly parts: Readonly<Record<string, PartHistory>>;
  /** Why certificates that are about to expire are not renewed. */
  readonly certificateProblem?: string;
}

/** Reads the report of the supervisor with that pid. Undefined when that supervisor has not written one yet. */
export async function readReport(layout: Layout, pid: number): Promise<SupervisorReport | undefined> {
  const text = await readFileIfThere(reportFile(layout));
  if (text === undefined) return undefined;
  const report = parsed(text);
  return report?.pid === pid ? report : undefined;
}

export async function writeReport(layout: Layout, report: SupervisorReport): Promise<void> {
  await writeFileAtomically(reportFile(layout), `${JSON.stringify(report)}\n`);
}

function reportFile(layout: Layout): string {
  return join(layout.run, 'supervisor.json');
}

/** Undefined for a damaged file: the next report replaces it. */
function parsed(text: string): SupervisorReport | undefined {
  try {
    return JSON.parse(text) as SupervisorReport;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
