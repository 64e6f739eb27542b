import { placeBatch } from '../../src/domain/placement/batch.ts';
import { getDeploySequence } from '../../src/domain/placement/literal.ts';
import type { Placed, Placement, PlacementHost, PlacementRequest } from '../../src/domain/placement/types.ts';
import { type BenchContext, type Benchmark, interleave, type Ratio, summarise } from './harness.ts';

const HOSTS = 10_000;
const APPLIANCES = 100_000;
const REPETITIONS = 5;
const SEED = 20_260_101;
const GIBI = 1024 ** 3;
const HOST_CORES = [32, 64, 128] as const;
const MEMORY_PER_CORE = 4 * GIBI;
/** What services ask for: millicores and GiB. */
const SHAPES = [
  [500, 0.5],
  [1000, 1],
  [1000, 4],
  [2000, 4],
  [4000, 8],
] as const;

/** 100,000 appliances on 10,000 hosts: the batch form against Algorithms 1 and 2 as printed (SO-MVDS 4.2). */
export const placement: Benchmark = {
  name: 'placement',
  description: `${APPLIANCES} appliances placed on ${HOSTS} hosts, against the paper's literal algorithms`,
  run: comparePlacement,
};

async function comparePlacement(context: BenchContext): Promise<readonly Ratio[]> {
  const random = randomNumbers(SEED);
  const hosts = Array.from({ length: HOSTS }, (_, index) => makeHost(index, random));
  const requests = Array.from({ length: APPLIANCES }, (_, index) => makeRequest(index, random));
  let literal: readonly Placed[] = [];
  let batch: readonly Placement[] = [];
  context.log('the literal algorithms run in full, a sort of all hosts per appliance: this takes a while');
  const seconds = await interleave(context, REPETITIONS, {
    batch: () => {
      batch = placeBatch(hosts, requests);
    },
    literal: () => {
      literal = getDeploySequence(requests, hosts);
    },
  });
  requireSameSequence(literal, batch);
  const ratios = seconds.literal.map((literalSeconds, index) => literalSeconds / (seconds.batch[index] ?? 0));
  const raw = {
    hosts: HOSTS,
    appliances: APPLIANCES,
    seed: SEED,
    method:
      'both in full over the same hosts and requests, interleaved; the value is the median of the ratios',
    identicalPlacements: batch.length,
    ratio: summarise(ratios),
    literalSeconds: summarise(seconds.literal),
    batchSeconds: summarise(seconds.batch),
  };
  return [{ name: 'placement', value: raw.ratio.median, aim: 100, better: 'more', raw }];
}

/** A faster answer counts only when it is the same answer. */
function requireSameSequence(literal: readonly Placed[], batch: readonly Placement[]): void {
  if (literal.length !== APPLIANCES || batch.length !== APPLIANCES) {
    throw new Error(
      `placed ${literal.length} (literal) and ${batch.length} (batch) of ${APPLIANCES} appliances`,
    );
  }
  for (const [index, expected] of literal.entries()) {
    const actual = batch[index];
    if (actual?.request !== expected.request || actual.host !== expected.host) {
      throw new Error(
        `placement ${index}, ${expected.request}: literal chose ${expected.host}, batch ${actual?.host}`,
      );
    }
  }
}

/** Hosts of three sizes, each used up to a quarter. */
function makeHost(index: number, random: () => number): PlacementHost {
  const cores = pick(HOST_CORES, random);
  const usedShare = random() / 4;
  return {
    name: `host-${String(index).padStart(5, '0')}`,
    labels: {},
    ready: true,
    totalCpuMillis: cores * 1000,
    totalMemoryBytes: cores * MEMORY_PER_CORE,
    usedCpuMillis: Math.floor(cores * 1000 * usedShare),
    usedMemoryBytes: Math.floor(cores * MEMORY_PER_CORE * usedShare),
    thresholdCpu: 0.75,
    thresholdMemory: 0.75,
  };
}

function makeRequest(index: number, random: () => number): PlacementRequest {
  const [cpuMillis, memoryGibi] = pick(SHAPES, random);
  return { name: `appliance-${index}`, cpuMillis, memoryBytes: memoryGibi * GIBI };
}

function pick<T>(choices: readonly T[], random: () => number): T {
  return choices[Math.floor(random() * choices.length)] as T;
}

/** The same numbers in [0, 1) for the same seed (mulberry32), so that every run places the same task. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
