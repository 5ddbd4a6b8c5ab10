// The commands. The module of each is imported when it is asked for, so that `--help` and `--version` start fast.

import type { Command } from 'commander';

export interface Entry {
  name: string;
  summary: string;
  load(): Promise<Command>;
}

export const COMMANDS: Entry[] = [
  {
    name: 'demo',
    summary: 'runs sensors and a gateway over an emulated radio link',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  {
    name: 'build',
    summary: "builds a board's firmware or script, and prints its sizes",
    load: async () => (await import('./build.ts')).buildCommand(),
  },
  {
    name: 'flash',
    summary: 'puts firmware or a script on a board',
    load: async () => (await import('./flash.ts')).flashCommand(),
  },
  {
    name: 'bridge',
    summary: "connects boards whose radio is a UART with a gateway's radio",
    load: async () => (await import('./bridge.ts')).bridgeCommand(),
  },
  {
    name: 'radio',
    summary: 'finds, checks and hears radios: dongles, boards, ZEP',
    load: async () => (await import('./radio.ts')).radioCommand(),
  },
  {
    name: 'run',
    summary: 'runs a board in an emulator, with a gateway',
    load: async () => (await import('./run.ts')).runCommand(),
  },
  {
    name: 'sensor',
    summary: 'runs a sensor that connects with IKEv2, over a radio or UDP',
    load: async () => (await import('./sensor.ts')).sensorCommand(),
  },
  {
    name: 'provision',
    summary: 'writes the blob with identity, key and peer of a board',
    load: async () => (await import('./provision.ts')).provisionCommand(),
  },
  {
    name: 'init',
    summary: 'writes the files of a gateway and its sensors, ready to use',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  {
    name: 'keygen',
    summary: 'makes a pre-shared key, or an Ed25519 pair',
    load: async () => (await import('./keygen.ts')).keygenCommand(),
  },
  {
    name: 'keylog',
    summary: 'shows how Wireshark decrypts with a key log',
    load: async () => (await import('./keylog.ts')).keylogCommand(),
  },
  {
    name: 'wireshark',
    summary: 'shows Diet-ESP in Wireshark: puts a dissector into its folder of plugins',
    load: async () => (await import('./wireshark.ts')).wiresharkCommand(),
  },
  {
    name: 'gateway',
    summary: 'runs a gateway for peers on radios and UDP, with IKEv2',
    load: async () => (await import('./gateway.ts')).gatewayCommand(),
  },
  {
    name: 'risav',
    summary: 'validates the RPKI, and makes one for tests: which AS has an address (RISAV)',
    load: async () => (await import('./risav.ts')).risavCommand(),
  },
  {
    name: 'doctor',
    summary: 'looks what this host lacks for a gateway',
    load: async () => (await import('./doctor.ts')).doctorCommand(),
  },
  {
    name: 'status',
    summary: 'shows a running gateway in numbers',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  {
    name: 'peers',
    summary: 'lists the peers of a running gateway',
    load: async () => (await import('./status.ts')).peersCommand(),
  },
  {
    name: 'sas',
    summary: 'lists the SAs of a running gateway',
    load: async () => (await import('./status.ts')).sasCommand(),
  },
  {
    name: 'top',
    summary: 'shows the peers of a running gateway by their rates',
    load: async () => (await import('./status.ts')).topCommand(),
  },
  {
    name: 'rekey',
    summary: 'rekeys an SA of a peer of a running gateway',
    load: async () => (await import('./status.ts')).rekeyCommand(),
  },
  {
    name: 'disconnect',
    summary: 'ends the SAs of a peer of a running gateway',
    load: async () => (await import('./status.ts')).disconnectCommand(),
  },
  {
    name: 'log',
    summary: 'follows the log of a running gateway, or changes its level',
    load: async () => (await import('./status.ts')).logCommand(),
  },
  {
    name: 'reload',
    summary: 'has a running gateway read its file again',
    load: async () => (await import('./status.ts')).reloadCommand(),
  },
  {
    name: 'check',
    summary: 'checks files of gateways, sensors and SAs',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  {
    name: 'compress',
    summary: 'converts IP packets of a capture to Diet-ESP frames',
    load: async () => (await import('./compress.ts')).compressCommand(),
  },
  {
    name: 'decompress',
    summary: 'converts Diet-ESP frames of a capture to IP packets',
    load: async () => (await import('./compress.ts')).decompressCommand(),
  },
  {
    name: 'explain',
    summary: 'explains a packet field by field: rule, sent bits, clause',
    load: async () => (await import('./explain.ts')).explainCommand(),
  },
  {
    name: 'rules',
    summary: 'prints the three rules of an SA',
    load: async () => (await import('./rules.ts')).rulesCommand(),
  },
  {
    name: 'budget',
    summary: 'compares octets, frames and air time of protocol stacks',
    load: async () => (await import('./budget.ts')).budgetCommand(),
  },
  {
    name: 'bench',
    summary: 'measures the answers to reordering behind a replay window',
    load: async () => (await import('./bench.ts')).benchCommand(),
  },
  {
    name: 'vectors',
    summary: 'runs test vectors, on Node or on another engine',
    load: async () => (await import('./vectors.ts')).vectorsCommand(),
  },
  {
    name: 'schema',
    summary: 'the schema of the files of gateways, sensors and SAs',
    load: async () => (await import('./schema.ts')).schemaCommand(),
  },
];
