/** How far the checkpoints of a template are, or what is in the way. Objects are named as namespace/name. */
export const checkpointMessages = {
  nameTaken: (kind: string, key: string): string =>
    `${kind} ${key} exists and was not made for this checkpoint: delete it, or give the template another name`,
  begun: (appliance: string): string =>
    `appliance ${appliance} is made, whose VM is saved once it has booted`,
  saving: (template: string): string =>
    `template ${template} is made of the memory of the appliance of that name`,
  /** @param said what its condition Ready says */
  said: (kind: string, key: string, said: string): string =>
    said === '' ? `${kind} ${key} was not looked at yet` : `${kind} ${key}: ${said}`,
};

/** Why an appliance boots that was to continue from a checkpoint. Templates are named as namespace/name. */
export const startMessages = {
  otherNamespace: (template: string): string =>
    `it boots: template ${template} is of another namespace, and memory is for the appliances of its own; make a template here on that one as its parent`,
  noMemory: (template: string): string =>
    `it boots: template ${template} has no memory of a VM, and keeps no checkpoint: set checkpoint.enabled and checkpoint.sizes of it`,
  otherSize: (
    template: string,
    { cpu, memory }: { readonly cpu: string | number; readonly memory: string | number },
  ) =>
    `it boots: template ${template} keeps no checkpoint of ${cpu} CPU and ${memory}: add that to checkpoint.sizes of it`,
  notSaved: (template: string, name: string): string =>
    `it boots: checkpoint ${name} of template ${template} is not Ready: status.checkpoints of the template says how far it is`,
};
