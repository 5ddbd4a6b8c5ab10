// `dietesp/node`: all of Node's side except the command line. Programs that need only a part load less with
// `dietesp/node/gateway`, `/radio`, `/pcap`, `/crypto` or `/rules`.

export * from './index-crypto.ts';
export * from './index-gateway.ts';
export * from './index-pcap.ts';
export * from './index-radio.ts';
export * from './index-rules.ts';
