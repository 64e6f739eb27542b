import { describeBytes } from '../../domain/quantity.ts';
import { section, tellFacts } from '../sections.ts';
import { formatTable } from '../table.ts';
import type { DiskFacts, Note, Report } from './report.ts';

/** A report for people. */
export function showReport({ file, fileBytes, sha256, disk, cd, usable, notes }: Report): string {
  const facts: [string, string][] = [
    ['File', `${file}, ${describeBytes(fileBytes)}`],
    ['SHA-256', sha256],
    ...(disk === undefined ? [] : diskFacts(disk)),
    ...(cd === undefined ? [] : [['Format', `a CD with ${cd}`] as [string, string]]),
  ];
  const use =
    cd === undefined
      ? 'It can be used: publish it, and name its address and this SHA-256 in source.image of a Template.'
      : 'It can be used as a CD: publish it, and name its address and this SHA-256 in guest.cd of a Template.';
  return [
    tellFacts(facts),
    ...(disk === undefined ? [] : [section('Disk', volumeTable(disk))]),
    ...(notes.length === 0 ? [] : [section('Notes', notes.map(tellNote).join('\n'))]),
    usable ? use : 'It cannot be used as it is.',
  ].join('\n\n');
}

function diskFacts({ format, virtualBytes, firmware, system }: DiskFacts): [string, string][] {
  const known: [string, string][] =
    system === undefined
      ? []
      : [
          ['System', system.name ?? 'unknown'],
          ['Agent', system.agent ?? 'none'],
          ['cloud-init', system.cloudInit ?? 'none'],
        ];
  return [
    ['Format', `${format}, a disk of ${describeBytes(virtualBytes)}`],
    ['Firmware', firmware.join(' and ') || 'none'],
    ...known,
  ];
}

function volumeTable({ partitionTable, volumes }: DiskFacts): string {
  if (partitionTable === undefined)
    return volumes[0]?.fileSystem ?? 'a boot sector, and no known file system';
  const rows = volumes.map(({ number, type, startBytes, bytes, fileSystem }) => [
    `${number}`,
    type ?? '',
    `${startBytes}`,
    describeBytes(bytes),
    fileSystem ?? '-',
  ]);
  return formatTable([partitionTable, 'TYPE', 'STARTS AT', 'SIZE', 'CONTENT'], rows);
}

function tellNote({ level, reason, message }: Note): string {
  return `${level} ${reason}: ${message}`;
}
