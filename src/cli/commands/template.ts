import { Command } from 'commander';
import { addTemplateCommand } from './template-add.ts';
import { templateCheckCommand } from './template-check.ts';
import { flattenTemplateCommand } from './template-flatten.ts';
import { templateLogsCommand } from './template-logs.ts';
import { pushTemplateCommand } from './template-push.ts';
import { saveTemplateCommand } from './template-save.ts';
import { verifyTemplateCommand } from './template-verify.ts';

/** `coppice template`: makes Templates, and says of files whether they can be one. */
export function templateCommand(): Command {
  return new Command('template')
    .description(
      'make templates of images and of appliances, check images before, look at builds, and verify copies',
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice template check debian.qcow2\n  coppice template push debian.qcow2\n' +
        '  coppice template add debian https://example.com/debian.qcow2\n  coppice template save va/web-0 web-golden',
    )
    .addCommand(addTemplateCommand())
    .addCommand(pushTemplateCommand())
    .addCommand(saveTemplateCommand())
    .addCommand(flattenTemplateCommand())
    .addCommand(templateCheckCommand())
    .addCommand(templateLogsCommand())
    .addCommand(verifyTemplateCommand());
}
