// A gateway and a sensor at the ends of a hostile path.

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../cli/run.ts';
import type { Ask, Setting } from './agent.ts';
import { ADDRESS, openPath, type Path } from './path.ts';

const AGENT = join(ROOT, 'test', 'hostile', 'agent.ts');

interface End {
  ask(question: unknown): Promise<Record<string, unknown>>;
}

async function endOf(child: ChildProcess): Promise<End> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('an end of the path stopped');
    return JSON.parse(value) as Record<string, unknown>;
  };
  await next();
  return {
    ask(question) {
      child.stdin!.write(`${JSON.stringify(question)}\n`);
      return next();
    },
  };
}

export interface Lab {
  path: Path;
  connect(
    transport: string,
    limit?: number,
  ): Promise<{ up: boolean; ms: number; messages: number; problem: string; link: Record<string, number> }>;
  talk(text: string, limit?: number): Promise<boolean>;
  link(): Promise<Record<string, number>>;
  metrics(): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function openLab(options: { seed: number; esp?: string; ke?: string; family?: 4 | 6 }): Promise<Lab> {
  const { esp = 'udp', ke = 'x25519', family = 4 } = options;
  const path = await openPath(options.seed);
  try {
    const gateway = await endOf(path.run('a', AGENT, 'gateway', ADDRESS.a[family], esp, ke));
    const sensor = await endOf(path.run('b', AGENT, 'sensor'));
    const ask = (question: Ask) => sensor.ask(question);
    return {
      path,
      async connect(transport, limit = 60000) {
        const setting: Setting = { gateway: ADDRESS.a[family], address: ADDRESS.b[family], transport, esp, ke };
        return (await ask({ ask: 'connect', setting, limit })) as unknown as Awaited<ReturnType<Lab['connect']>>;
      },
      async talk(text, limit = 10000) {
        return (await ask({ ask: 'talk', text, limit })).answered === true;
      },
      link: () => ask({ ask: 'link' }) as Promise<Record<string, number>>,
      metrics: () => gateway.ask({}),
      close: () => path.close(),
    };
  } catch (error) {
    await path.close();
    throw error;
  }
}
