import { type Clock, sleep } from '../../base/clock.ts';
import { HostError, messageOf } from '../errors/index.ts';
import { type AgentClient, AgentCommandError } from './agent.ts';

/** The guest writes what it holds in memory, which a slow disk takes its time for. */
const freezeMs = 30_000;
const thawMs = 30_000;
const questionMs = 5_000;
const pauseMs = 1_000;
const MOST_TRIES = 5;

/**
 * Brings a guest's file systems to rest: what is written is on its disk, and nothing is written until `wakeFileSystems`.
 * @returns why that was not possible, for people
 */
export async function restFileSystems(agent: AgentClient): Promise<string | undefined> {
  try {
    const frozen = await agent.command('guest-fsfreeze-freeze', {}, freezeMs);
    return frozen === 0 ? unrested('its agent froze none of its file systems') : undefined;
  } catch (error) {
    if (error instanceof AgentCommandError || error instanceof HostError) return unrested(messageOf(error));
    throw error;
  }
}

function unrested(why: string): string {
  return `the guest's file systems were not at rest (${why}): the disk is as after a loss of power, which file systems with a journal repair`;
}

/**
 * Lets the guest write again, however far an attempt to freeze it came. Does nothing for a guest that is not frozen. One that has no
 * agent cannot be: it is asked for half a minute, in case its agent is slow.
 */
export async function wakeFileSystems(clock: Clock, agent: AgentClient): Promise<void> {
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    try {
      if ((await agent.command('guest-fsfreeze-status', {}, questionMs)) !== 'frozen') return;
      await agent.command('guest-fsfreeze-thaw', {}, thawMs);
      return;
    } catch (error) {
      // An agent that cannot tell could not freeze either.
      if (error instanceof AgentCommandError) return;
      if (!(error instanceof HostError)) throw error;
    }
    await sleep(clock, pauseMs);
  }
}
