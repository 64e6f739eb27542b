import { commandOf } from '../bare-vm.ts';
import type { BenchContext, Ratio } from '../harness.ts';
import { withLocalCoppice } from '../local-coppice.ts';
import { applyTask, deleteTask, isAvailable, untilAppliances } from '../task.ts';
import { measureBuild } from './build.ts';
import { measureRecall } from './recall.ts';

const TASK = 'learn';

/** What is done in VMs: builds and recalls, under one Coppice with one host. */
export function measureLife(context: BenchContext, folder: string): Promise<Ratio[]> {
  return withLocalCoppice(context, ['--driver', 'qemu', '--hosts', '1'], async (local) => {
    const { client } = local;
    await applyTask(client, TASK, 1);
    const [appliance] = await untilAppliances(
      client,
      TASK,
      (all) => all.length === 1 && all.every(isAvailable),
    );
    if (appliance === undefined) throw new Error('the task has an appliance');
    const command = await commandOf(appliance);
    await deleteTask(client, TASK);
    return [
      await measureBuild(context, folder, client, command),
      await measureRecall(context, folder, local, command),
    ];
  });
}
