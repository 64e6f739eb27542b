/** An API server that a test started, and may treat badly. */
export interface TestServer {
  /** For kubectl and other programs. */
  readonly kubeconfigPath: string;
  /** Of a server that issues no tokens: a kubeconfig with a certificate that names the operator's service account. */
  readonly operatorKubeconfigPath?: string;
  /** Ends the server without warning, as a crash would. What it has stored stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, at the same address and on the same data. */
  start(): Promise<void>;
  /** Has it forget all that was before: who watches from there hears 410. The server restarts meanwhile. */
  loseHistory(): Promise<void>;
  /** Ends it for good, and removes its folder. */
  stop(): Promise<void>;
}
