/**
 * For everything that runs for long. The machine's memory is for VMs: without it V8 keeps up to 64 MiB for short-lived objects, and
 * each program that a daemon starts takes longer, as its memory's map is copied first. It can be set only when Node starts.
 */
export const NODE_FLAGS = '--max-semi-space-size=4';
