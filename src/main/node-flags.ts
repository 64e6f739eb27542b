/**
 * Flags of Node for long-running processes. The machine's memory is for VMs, and V8 by default keeps up to 64 MiB for short-lived
 * objects. Programs that a daemon starts also take longer then, as the map of its memory is copied first. They can be set only
 * when Node starts.
 */
export const NODE_FLAGS = '--max-semi-space-size=4';
