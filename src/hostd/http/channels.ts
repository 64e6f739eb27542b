import type { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { CHANNELS, decodeMessage, encodeMessage, type StreamStatus } from '../../host/streams.ts';

const PING_MS = 20_000;
/** A peer that has given no sign of life after so many pings is ended. */
const PINGS = 2;

/** Bytes that wait to be sent: from here on nothing more should be given, until they are fewer than the second. */
const FULL_BYTES = 256 * 1024;
const ROOM_BYTES = 64 * 1024;

const NORMAL_CLOSURE = 1000;

export type Receiver = {
  /** Data of a channel have come. */
  readonly data: (channel: number, data: Buffer) => void;
  /** The peer has ended a channel. */
  readonly end: (channel: number) => void;
  /** There is room again after the channels were full. */
  readonly room: () => void;
};

/** The daemon's side of a stream: channels over one WebSocket, whose reader and writer may each be slow. */
export class Channels {
  readonly #webSocket: WebSocket;
  #receiver: Receiver | undefined;
  #wasFull = false;

  /** Until `receive` is called nothing is read. */
  constructor(webSocket: WebSocket, clock: Clock) {
    this.#webSocket = webSocket;
    webSocket.pause();
    webSocket.on('message', (message: Buffer) => this.#take(message));
    // Such as a message that is too long. The connection ends with it.
    webSocket.on('error', () => webSocket.terminate());
    keepAlive(webSocket, clock);
  }

  /** Whether the peer is behind with reading. */
  get full(): boolean {
    const full = this.#webSocket.bufferedAmount >= FULL_BYTES;
    this.#wasFull ||= full;
    return full;
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#webSocket.resume();
  }

  send(channel: number, data: Uint8Array): void {
    this.#webSocket.send(encodeMessage(channel, data), () => {
      if (!this.#wasFull || this.#webSocket.bufferedAmount > ROOM_BYTES) return;
      this.#wasFull = false;
      this.#receiver?.room();
    });
  }

  /** Lets the peer wait with sending. */
  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  /** Tells how it ended, after all that was sent, and closes the connection. */
  finish(status: StreamStatus): void {
    this.#receiver = undefined;
    this.#webSocket.resume();
    this.#webSocket.send(encodeMessage(CHANNELS.error, Buffer.from(JSON.stringify(status))), () =>
      // The time in which the peer must answer this begins when it has everything else.
      this.#webSocket.close(NORMAL_CLOSURE),
    );
  }

  #take(message: Buffer): void {
    const { channel, data } = decodeMessage(message) ?? {};
    if (channel === undefined || data === undefined) return;
    if (channel !== CHANNELS.close) this.#receiver?.data(channel, data);
    else if (data[0] !== undefined) this.#receiver?.end(data[0]);
  }
}

/** What a WebSocket is opened for. */
export interface Stream {
  /** Called once at most. Resolves with how it ended, or rejects with why it cannot go on. */
  run(channels: Channels): Promise<StreamStatus>;
  /** The caller is gone, before or while it runs. */
  close(): void;
}

/** Ends the connection when the peer does not answer. While this side does not read, no answer can be seen. */
function keepAlive(webSocket: WebSocket, clock: Clock): void {
  let unanswered = 0;
  const heard = () => {
    unanswered = 0;
  };
  for (const event of ['pong', 'ping', 'message']) webSocket.on(event, heard);
  const ping = () => {
    if (webSocket.isPaused) unanswered = 0;
    if (unanswered >= PINGS) {
      webSocket.terminate();
      return;
    }
    unanswered += 1;
    if (webSocket.readyState === webSocket.OPEN) webSocket.ping();
    cancel = clock.schedule(PING_MS, ping);
  };
  let cancel = clock.schedule(PING_MS, ping);
  webSocket.once('close', () => cancel());
}
