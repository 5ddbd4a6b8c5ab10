// `dietesp risav`: the RPKI of RISAV: a repository for tests, the verdicts on one, and the ASes of addresses.

import { existsSync } from 'node:fs';
import { Argument, Command } from 'commander';
import { addressOctets, addressText } from '../host/addresses.ts';
import { CommandError } from '../host/errors.ts';
import { asOf4, asOf6, asTable, NO_AS, type Route } from '../risav/rpki/as-table.ts';
import type { Validation } from '../risav/rpki/relying-party.ts';
import { makeRepository, testAses, writeRepository } from '../risav/rpki/repository.ts';
import { octetsOf } from '../risav/rpki/resources.ts';
import { readVrps, routesOf, validateFolder, vrpsOverRtr } from '../risav/rpki/sources.ts';
import { hostPortOf, INTEGER, numberOf, printJson } from './options.ts';

const ACTIONS = ['repository', 'validate', 'as'] as const;
const ASES_MAX = 100;
const OID = /^\d+(\.\d+)+$/;
/** Seconds that a cache has for its ROAs. */
const RTR_LIMIT = 60;
const EXTENSION = /^[a-z]{3}$/;

interface Options {
  out?: string;
  ases: string;
  tal?: string;
  cache?: string;
  vrps?: string;
  rtr?: string;
  at?: string;
  oid?: string;
  extension: string;
  json?: boolean;
}

/** Options that belong to some of the actions. */
const ONLY: Record<string, readonly string[]> = {
  out: ['repository'],
  tal: ['validate', 'as'],
  cache: ['validate', 'as'],
  vrps: ['as'],
  rtr: ['as'],
};

function need(options: Options, name: 'out' | 'tal' | 'cache'): string {
  const value = options[name];
  if (value === undefined) throw new CommandError(`--${name}: is needed`, 2);
  return value;
}

function timeOf({ at }: Options): number {
  const time = at === undefined ? Date.now() : Date.parse(at);
  if (Number.isNaN(time)) throw new CommandError(`--at: ${at}: must be a time, as 2026-12-01T12:00:00Z`, 2);
  return time;
}

function oidOf({ oid }: Options): string | undefined {
  if (oid !== undefined && !OID.test(oid)) throw new CommandError(`--oid: ${oid}: must be as 1.2.840.113549`, 2);
  return oid;
}

function repository(options: Options): void {
  const out = need(options, 'out');
  if (existsSync(out)) throw new CommandError(`--out: ${out}: is there already`);
  if (!EXTENSION.test(options.extension)) {
    throw new CommandError(`--extension: ${options.extension}: must be three letters, a to z`, 2);
  }
  const count = numberOf('ases', options.ases, INTEGER, 1, ASES_MAX);
  const oid = oidOf(options);
  const made = makeRepository({
    ases: testAses(count),
    now: timeOf(options),
    announcementExtension: options.extension,
    ...(oid === undefined ? {} : { announcementOid: oid }),
  });
  writeRepository(made, out, 'test');
  process.stdout.write(
    `${out}: ${made.files.size} objects of ${count} ASes, valid for a day\n\n  $ dietesp risav validate --tal ${out}/test.tal --cache ${out}\n`,
  );
}

/** A validation as data: addresses as text, times as ISO 8601. */
function dataOf({ verdicts, roas, announcements }: Validation): object {
  const iso = (time: number): string => new Date(time).toISOString();
  return {
    verdicts,
    roas: roas.map(({ uri, value, until }) => ({
      ...{ uri, as: value.as, until: iso(until) },
      prefixes: value.prefixes.map((one) => ({
        prefix: `${addressText(octetsOf(one))}/${one.length}`,
        maxLength: one.maxLength,
      })),
    })),
    announcements: announcements.map(({ uri, value, until }) => ({
      ...{ uri, as: value.as, testing: value.testing, until: iso(until) },
      contacts: value.contacts.map((one) => addressText(octetsOf(one))),
    })),
  };
}

function validate(options: Options): void {
  const done = validateFolder(need(options, 'tal'), need(options, 'cache'), timeOf(options), oidOf(options));
  const bad = done.verdicts.filter(({ problem }) => problem !== '');
  if (options.json === true) printJson(dataOf(done));
  else {
    for (const { uri, problem } of bad) process.stdout.write(`${uri}: ${problem}\n`);
    for (const { value } of done.announcements) {
      const contacts = value.contacts.map((one) => addressText(octetsOf(one))).join(', ');
      process.stdout.write(`AS${value.as}: ${contacts}${value.testing ? ', testing' : ''}\n`);
    }
    const good = done.verdicts.length - bad.length;
    const announced = `${done.roas.length} ROAs, ${done.announcements.length} RISAV announcements`;
    process.stdout.write(`${good} objects are valid, ${bad.length} are not: ${announced}\n`);
  }
  if (bad.length > 0) process.exitCode = 1;
}

async function routes(options: Options): Promise<Route[]> {
  const given = (['tal', 'vrps', 'rtr'] as const).filter((name) => options[name] !== undefined);
  if (given.length !== 1) throw new CommandError('one of --tal, --vrps and --rtr is needed', 2);
  if (options.vrps !== undefined) return readVrps(options.vrps, timeOf(options));
  if (options.rtr !== undefined) return vrpsOverRtr(hostPortOf('rtr', options.rtr), RTR_LIMIT * 1000);
  return routesOf(validateFolder(need(options, 'tal'), need(options, 'cache'), timeOf(options), oidOf(options)));
}

async function lookUp(addresses: string[], options: Options): Promise<void> {
  if (addresses.length === 0) throw new CommandError('an address is needed', 2);
  const all = addresses.map((text) => {
    const octets = addressOctets(text);
    if (octets === undefined) throw new CommandError(`${text}: must be an address of IPv4 or IPv6`, 2);
    return { text, octets };
  });
  const table = asTable(await routes(options));
  const found = all.map(({ text, octets }) => {
    const as = octets.length === 4 ? asOf4(table, octets, 0) : asOf6(table, octets, 0);
    return { address: text, as: as === NO_AS ? null : as };
  });
  if (options.json === true) printJson(found);
  else for (const { address, as } of found) process.stdout.write(`${address} ${as === null ? '-' : `AS${as}`}\n`);
}

async function risav(action: (typeof ACTIONS)[number], addresses: string[], options: Options): Promise<void> {
  for (const [name, actions] of Object.entries(ONLY)) {
    if (options[name as keyof Options] === undefined || actions.includes(action)) continue;
    throw new CommandError(`--${name}: belongs to risav ${actions.join(' and ')}`, 2);
  }
  if (action !== 'as' && addresses.length > 0) throw new CommandError(`${addresses[0]}: belongs to risav as`, 2);
  if (action === 'repository') repository(options);
  else if (action === 'validate') validate(options);
  else await lookUp(addresses, options);
}

export function risavCommand(): Command {
  return new Command('risav')
    .description(
      'repository: makes a repository of the RPKI for tests, in which each AS has a ROA and a RISAV announcement. validate: the verdict on every object ' +
        "of a copy on disk, from its trust anchor down. as: the ASes of addresses, by ROAs of such a copy, of rpki-client's output, or of a cache.",
    )
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
    .argument('[addresses...]', 'as: addresses of IPv4 and IPv6')
    .option('--out <folder>', 'repository: a new folder')
    .option('--ases <n>', `repository: how many ASes, 1 to ${ASES_MAX}`, '3')
    .option('--extension <letters>', 'repository: of the files of announcements', 'rav')
    .option('--tal <file>', 'trust anchor locator')
    .option('--cache <folder>', 'copy of the repository: HOST/MODULE/..., as rsync and rpki-client keep it')
    .option('--vrps <file>', 'as: ROAs that rpki-client validated: its file json or csv')
    .option('--rtr <host:port>', 'as: a cache that speaks RPKI-to-Router (RFC 8210)')
    .option('--at <time>', 'the time that counts; default now')
    .option('--oid <oid>', 'object identifier of RISAVAnnouncement')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      '\nExample:\n  $ dietesp risav repository --out repo\n  $ dietesp risav validate --tal repo/test.tal --cache repo\n  $ dietesp risav as 10.1.2.3 --tal repo/test.tal --cache repo',
    )
    .action(risav);
}
