/** Result of a command in the guest; of long output only the last 48 KiB. */
export type GuestExecResult = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** A network interface as the guest's agent reports it; the MAC address in lower case. */
export type GuestInterface = {
  readonly name: string;
  readonly mac?: string;
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
};

/**
 * One guest, reached through the agent in it. Every call has its own time limit and rejects with a `HostError`
 * of reason `AgentUnavailable` when the agent does not answer in time; the connection is then made again.
 */
export interface Guest {
  /** Resolves when the agent answers. */
  ping(timeoutMs: number): Promise<void>;
  exec(
    argv: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>>; readonly timeoutMs: number },
  ): Promise<GuestExecResult>;
  /**
   * Writes a file into the guest from the chunks, with the mode that the agent gives; missing folders are made. It is
   * written straight into its place, because running a program in a guest takes longer than writing most files: half a
   * file, which an interrupted write leaves there, must do no harm. Rejects with reason `GuestDiskFull` when it does not fit.
   */
  writeFile(
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly timeoutMs: number },
  ): Promise<void>;
  interfaces(timeoutMs: number): Promise<readonly GuestInterface[]>;
  /** Asks the guest to power off; does not wait. */
  shutdown(timeoutMs: number): Promise<void>;
  close(): void;
}
