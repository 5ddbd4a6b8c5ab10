// `dietesp wireshark`: our dissector for Wireshark, put into the user's folder of plugins.

import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { installDissector, pluginFolder, uninstallDissector } from '../tools/wireshark.ts';

const DONE = {
  installed: 'installed',
  updated: 'replaced by that of this version',
  nothing: 'there already, nothing is to be done',
};

function wireshark(what: string, options: { folder?: string }): void {
  const folder = options.folder ?? pluginFolder();
  if (what === 'path') {
    process.stdout.write(`${join(folder, 'dietesp.lua')}\n`);
  } else if (what === 'uninstall') {
    const { file, did } = uninstallDissector(folder);
    process.stdout.write(did ? `${file}: removed\n` : `${file}: is not there\n`);
  } else {
    const { file, did } = installDissector(folder);
    process.stdout.write(`${file}: ${DONE[did]}\n\n  $ WIRESHARK_CONFIG_DIR=KEYLOG wireshark CAPTURE\n`);
  }
}

export function wiresharkCommand(): Command {
  return new Command('wireshark')
    .description(
      "Puts a dissector into the user's folder of Lua plugins. With it Wireshark and tshark (4.0 or later) open Diet-ESP packets whose SAs " +
        'are in a key log, and show their rules, the fields that were elided, and the packets inside.',
    )
    .addArgument(new Argument('<what>', 'what to do').choices(['install', 'path', 'uninstall']))
    .option('--folder <folder>', 'folder of plugins; default: as `tshark -G folders` says')
    .addHelpText('after', '\nExample:\n  $ dietesp wireshark install')
    .action(wireshark);
}
