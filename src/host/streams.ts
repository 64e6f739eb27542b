/**
 * How console and exec travel over a WebSocket, in both directions: Kubernetes' remote command protocol, version 5. Each message is
 * binary, and its first byte says which channel the rest belongs to.
 * https://pkg.go.dev/k8s.io/apimachinery/pkg/util/remotecommand
 */

/** The WebSocket subprotocol; the daemon speaks no other. */
export const STREAM_PROTOCOL = 'v5.channel.k8s.io';

export const CHANNELS = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** One message at the end: a {@link StreamStatus} as JSON. */
  error: 3,
  /** A {@link TerminalSize} as JSON. */
  resize: 4,
  /** The second byte names the channel that ends: the end of stdin. */
  close: 255,
} as const;

/** A message with more is refused. */
export const LONGEST_MESSAGE_BYTES = 1024 * 1024;

/** In characters. */
export type TerminalSize = { readonly Width: number; readonly Height: number };

/** How a stream ended, as Kubernetes' `meta/v1` Status. */
export type StreamStatus =
  | { readonly metadata: Readonly<Record<string, never>>; readonly status: 'Success' }
  | {
      readonly metadata: Readonly<Record<string, never>>;
      readonly status: 'Failure';
      readonly reason: string;
      readonly message: string;
      /** An HTTP status; absent where a program ended with an exit code. */
      readonly code?: number;
      readonly details?: {
        readonly causes: readonly { readonly reason: string; readonly message: string }[];
      };
    };

const NON_ZERO = 'NonZeroExitCode';
const EXIT_CODE = 'ExitCode';

export function encodeMessage(channel: number, data: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(data.length + 1);
  message[0] = channel;
  message.set(data, 1);
  return message;
}

/** The message that ends a channel. */
export function encodeClose(channel: number): Buffer {
  return Buffer.of(CHANNELS.close, channel);
}

/** Undefined for an empty message, which says nothing. The data are a view of the message. */
export function decodeMessage(
  message: Buffer,
): { readonly channel: number; readonly data: Buffer } | undefined {
  const channel = message[0];
  return channel === undefined ? undefined : { channel, data: message.subarray(1) };
}

export function successStatus(): StreamStatus {
  return { metadata: {}, status: 'Success' };
}

/** How a program ended: with 0 it succeeded. */
export function exitStatus(exitCode: number): StreamStatus {
  if (exitCode === 0) return successStatus();
  return {
    metadata: {},
    status: 'Failure',
    reason: NON_ZERO,
    message: `command terminated with exit code ${exitCode}`,
    details: { causes: [{ reason: EXIT_CODE, message: String(exitCode) }] },
  };
}

/** @param code the HTTP status that says the same */
export function failureStatus(reason: string, message: string, code: number): StreamStatus {
  return { metadata: {}, status: 'Failure', reason, message, code };
}

/** The exit code of the program; undefined when the stream ended because of something else. */
export function exitCodeOf(status: StreamStatus): number | undefined {
  if (status.status === 'Success') return 0;
  if (status.reason !== NON_ZERO) return undefined;
  const cause = status.details?.causes.find(({ reason }) => reason === EXIT_CODE);
  return cause === undefined || !/^\d+$/.test(cause.message) ? undefined : Number(cause.message);
}

/** What is to be executed in a guest. */
export type ExecRequest = {
  readonly command: readonly string[];
  /** Whether the program gets an input; without, it reads from /dev/null. */
  readonly stdin?: boolean;
  /** Whether it gets a terminal; its outputs are then one. */
  readonly tty?: boolean;
  /** When it is ended at the latest; 0 for never. */
  readonly timeoutSeconds?: number;
};

/** The query of `GET …/exec`. */
export function execQuery({ command, stdin = false, tty = false, timeoutSeconds = 0 }: ExecRequest): string {
  const query = new URLSearchParams(command.map((word): [string, string] => ['command', word]));
  if (stdin) query.set('stdin', 'true');
  if (tty) query.set('tty', 'true');
  if (timeoutSeconds > 0) query.set('timeoutSeconds', String(timeoutSeconds));
  return query.toString();
}
